"""A live frame that would be too old at its sinks is not taken, and a stall ends no stream."""

from __future__ import annotations

from fractions import Fraction
from threading import Condition

import numpy as np
import pytest

from detector.detections import Detections
from pipeline.frame import Detected, Frame, Picture, Stream
from pipeline.runtime import stream_lane as lane_module
from pipeline.runtime.channel import Channel, Overflow
from pipeline.runtime.stream_lane import StreamLane

STREAM = Stream("cam", "rtsp://cam", Fraction(1, 25), live=True)
PICTURE = Picture.of(np.zeros((2, 2, 3), np.uint8))
MAX_AGE = 0.5


class Way:
    """A live lane on a clock of the test's own, and what it left out."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.expired: list[Frame] = []
        monkeypatch.setattr(lane_module, "monotonic", lambda: self.now)
        self.changed = changed = Condition()
        self.decoded: Channel[Frame] = Channel(
            "decoded", 1, Overflow.DROP_OLDEST, on_expire=self.expired.append, changed=changed
        )
        self.lane = StreamLane("cam", self.decoded, Channel("detected", 8), changed)

    def take(self, age: float) -> Frame | None:
        """Return what is taken of a frame that is `age` seconds old."""
        captured_at = self.now - age
        expires_at = captured_at + MAX_AGE
        base = Fraction(1, 90_000)
        self.decoded.send(Frame(STREAM, 0, 0, 0, base, captured_at, PICTURE, 0, expires_at))
        with self.changed:
            return self.lane.take()

    def reach_sinks(self, frame: Frame, seconds: float) -> None:
        """Let a frame that was taken be with its sinks after `seconds`."""
        self.now += seconds
        self.lane.deliver(Detected(frame, Detections.empty()))
        self.lane.return_credit()


@pytest.mark.parametrize(("age", "taken"), [(0.0, True), (0.29, True), (0.31, False), (0.6, False)])
def test_a_frame_is_taken_if_it_can_be_at_its_sinks_before_it_is_too_old(
    monkeypatch: pytest.MonkeyPatch, age: float, taken: bool
) -> None:
    way = Way(monkeypatch)
    first = way.take(0.1)
    assert first
    way.reach_sinks(first, 0.2)
    assert (way.take(age) is not None) == taken
    assert len(way.expired) == (not taken)


def test_one_that_took_longer_than_anybody_waits_costs_a_few_frames_and_not_the_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    way = Way(monkeypatch)
    stalled = way.take(0.0)
    assert stalled
    way.reach_sinks(stalled, 3.0)
    taken = [way.take(0.05) is not None for _ in range(4)]
    assert taken == [False, False, False, True]
    assert len(way.expired) == 3
