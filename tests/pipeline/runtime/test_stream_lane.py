"""A live frame that would expire before its sinks is not taken, and a stall ends no stream."""

from __future__ import annotations

from fractions import Fraction
from threading import Condition

import numpy as np
import pytest

from detector.detections import Detections
from pipeline.frames.frame import Frame
from pipeline.frames.picture import Picture
from pipeline.frames.result import Detected
from pipeline.frames.stream import Stream
from pipeline.runtime.channel import Channel, Overflow
from pipeline.runtime.stream_lane import StreamLane

STREAM = Stream("cam", "rtsp://cam", Fraction(1, 25), live=True)
PICTURE = Picture.of(np.zeros((2, 2, 3), np.uint8))
MAX_AGE = 0.5


class LiveLane:
    """A lane with a clock that the test sets, and the frames that expired in it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.expired: list[Frame] = []
        changed = Condition()
        self.decoded: Channel[Frame] = Channel(
            "decoded", 1, Overflow.DROP_OLDEST, on_expire=self.expired.append, changed=changed
        )
        self.lane = StreamLane(
            "cam", self.decoded, Channel("detected", 8), changed, clock=lambda: self.now
        )

    def take(self, age: float) -> Frame | None:
        """Offer a frame that is `age` seconds old; return the frame that is taken."""
        captured_at = self.now - age
        expires_at = captured_at + MAX_AGE
        base = Fraction(1, 90_000)
        self.decoded.send(Frame(STREAM, 0, 0, 0, base, captured_at, PICTURE, 0, expires_at))
        return self.lane.take()

    def reach_sinks(self, frame: Frame, seconds: float) -> None:
        """Let a frame that was taken reach its sinks after `seconds`."""
        self.now += seconds
        self.lane.deliver(Detected(frame, Detections.empty()))
        self.lane.return_credit()


@pytest.mark.parametrize(("age", "taken"), [(0.0, True), (0.29, True), (0.31, False), (0.6, False)])
def test_a_frame_is_taken_only_if_it_can_reach_its_sinks_before_it_expires(
    age: float, taken: bool
) -> None:
    live = LiveLane()
    first = live.take(0.1)
    assert first
    live.reach_sinks(first, 0.2)
    assert (live.take(age) is not None) == taken
    assert len(live.expired) == (not taken)


def test_one_stall_longer_than_max_age_costs_a_few_frames_but_not_the_stream() -> None:
    live = LiveLane()
    stalled = live.take(0.0)
    assert stalled
    live.reach_sinks(stalled, 3.0)
    taken = [live.take(0.05) is not None for _ in range(4)]
    assert taken == [False, False, False, True]
    assert len(live.expired) == 3


def test_a_frame_is_taken_only_while_there_is_credit() -> None:
    live = LiveLane()
    taken = [live.take(0.0) for _ in range(9)]
    assert [frame is not None for frame in taken] == [True] * 8 + [False]
    assert not live.lane.ready
    assert taken[0]
    live.reach_sinks(taken[0], 0.1)
    assert live.lane.ready
