"""Frames that rest pass the engine by, and none overtakes another."""

from __future__ import annotations

from fractions import Fraction
from threading import Condition

import numpy as np
import pytest

from detector.detections import Detections
from pipeline.frames.decision import Decision, Reason
from pipeline.frames.frame import Frame
from pipeline.frames.picture import Picture
from pipeline.frames.result import Detected
from pipeline.frames.stream import Stream
from pipeline.runtime.channel import Cancelled, Channel, Overflow
from pipeline.runtime.ledger import Ledger
from pipeline.runtime.outboxes import LaneOutbox
from pipeline.runtime.stream_lane import StreamLane

STREAM = Stream("cam", "rtsp://cam", Fraction(1, 25))
PICTURE = Picture.of(np.zeros((2, 2, 3), np.uint8))
LOOK, REST = Decision(Reason.MOVEMENT, 2.0, 0.5), Decision(Reason.QUIET)


class Attended:
    """A lane of a stream with attention, and a ledger of its frames."""

    def __init__(self, *, live: bool, credit: int = 8) -> None:
        self.now = 0.0
        self.ledger = Ledger(lambda: self.now)
        changed = Condition()
        overflow = Overflow.DROP_OLDEST if live else Overflow.BLOCK
        self.decoded: Channel[Frame] = Channel(
            "decoded",
            1 if live else 3,
            overflow,
            on_drop=lambda item: self.ledger.dropped(item, "decoded", "overflow"),
            on_discard=lambda item: self.ledger.failed(item, "decoded", "cancelled"),
            changed=changed,
        )
        self.tail: Channel[Detected] = Channel(
            "detected",
            credit,
            on_discard=lambda item: self.ledger.failed(item, "detected", "cancelled"),
        )
        self.lane = StreamLane("cam", self.decoded, self.tail, changed, clock=lambda: self.now)
        self.outbox = LaneOutbox(self.lane)

    def decode(self, *decisions: Decision, first: int = 0, expires_at: float = 1e9) -> None:
        for index, decision in enumerate(decisions, start=first):
            base = Fraction(1, 10)
            frame = Frame(STREAM, index, None, index, base, 0.0, PICTURE, 0, expires_at, decision)
            self.ledger.decoded(frame.ticket)
            self.outbox.send(frame)

    def take(self) -> Frame:
        frame = self.lane.take()
        assert frame
        return frame

    def deliver(self, frame: Frame) -> None:
        self.lane.deliver(Detected(frame, Detections.empty()))

    def received(self) -> list[tuple[int, bool]]:
        """Return index and whether it rests of every frame that has reached the tail."""
        items = [self.tail.receive() for _ in range(len(self.tail))]
        for item in items:
            self.lane.return_credit()
            self.ledger.emitted(item)
        return [(item.frame.index, item.frame.rests) for item in items]


@pytest.mark.parametrize("live", [False, True])
def test_a_frame_that_rests_reaches_the_tail_at_once(live: bool) -> None:
    attended = Attended(live=live)
    attended.decode(REST, REST)
    assert attended.received() == [(0, True), (1, True)]
    assert attended.lane.take() is None and attended.lane.under_way == 0


def test_frames_that_rest_wait_for_a_look_before_them() -> None:
    attended = Attended(live=False)
    attended.decode(LOOK, REST)
    look = attended.take()
    attended.decode(REST, first=2)
    assert attended.received() == []
    attended.deliver(look)
    assert attended.received() == [(0, False), (1, True), (2, True)]


def test_two_looks_under_way_keep_the_frames_between_them_in_their_places() -> None:
    attended = Attended(live=False)
    attended.decode(LOOK, REST, LOOK)
    first, second = attended.take(), attended.take()
    attended.decode(REST, first=3)
    attended.deliver(first)
    assert attended.received() == [(0, False), (1, True)]
    attended.deliver(second)
    assert attended.received() == [(2, False), (3, True)]


def test_a_newer_live_frame_is_looked_at_in_place_of_one_that_waits_for_the_engine() -> None:
    attended = Attended(live=True)
    attended.decode(LOOK, REST, REST)
    assert attended.received() == [(0, True), (1, True)]
    look = attended.take()
    assert (look.index, look.rests) == (2, False)
    assert look.decision and look.decision.reason is Reason.MOVEMENT
    assert look.decision.worth == pytest.approx(2.0 + 0.2 / 0.5)
    attended.deliver(look)
    assert attended.received() == [(2, False)]
    attended.ledger.check()


def test_a_live_look_that_would_come_too_late_rests() -> None:
    attended = Attended(live=True)
    attended.decode(LOOK, expires_at=0.5)
    attended.now = 0.6
    assert attended.lane.take() is None
    assert attended.received() == [(0, True)]


def test_without_credit_live_frames_that_rest_are_dropped_like_others() -> None:
    attended = Attended(live=True, credit=2)
    attended.decode(REST, REST, REST, REST)
    assert attended.received() == [(0, True), (1, True)]
    assert attended.received() == [(3, True)]  # the newest, once there was credit again
    assert attended.ledger.balance("cam").dropped == {("decoded", "overflow"): 1}
    attended.ledger.check()


def test_recorded_frames_that_rest_wait_for_credit() -> None:
    attended = Attended(live=False, credit=2)
    attended.decode(*[REST] * 5)
    got = [attended.received() for _ in range(4)]
    assert [len(each) for each in got] == [2, 2, 1, 0]
    attended.ledger.check()


def test_the_stream_ends_after_the_frames_that_rest() -> None:
    attended = Attended(live=False)
    attended.decode(LOOK, REST)
    look = attended.take()
    attended.outbox.close()
    assert attended.lane.take() is None and attended.lane.ended
    attended.deliver(look)
    assert [item.frame.index for item in attended.lane] == [0, 1]


def test_cancel_fails_the_frames_that_wait_behind_a_look() -> None:
    attended = Attended(live=False)
    attended.decode(LOOK, REST, REST)
    look = attended.take()
    attended.lane.cancel()
    with pytest.raises(Cancelled):
        attended.decode(REST, first=3)
    attended.deliver(look)
    assert attended.ledger.balance("cam").failed.total() == 4
    attended.ledger.check()


def test_the_worth_of_a_lane_is_that_of_its_next_look_or_grows_while_it_waits() -> None:
    attended = Attended(live=False)
    attended.decode(LOOK)
    assert attended.lane.worth == 2.0
    other = Attended(live=False)
    other.now = 0.35
    assert other.lane.worth == pytest.approx(3.5)
