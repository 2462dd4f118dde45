"""Batches take one ready frame of each lane in turn, and live lanes wait for the engine."""

from __future__ import annotations

from fractions import Fraction
from threading import Condition, Thread

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.detections import Detections
from detector.errors import FramelaneError
from pipeline.frames.frame import Frame
from pipeline.frames.picture import Picture
from pipeline.frames.result import Detected
from pipeline.frames.stream import Stream
from pipeline.runtime.channel import Cancelled, Channel, Overflow
from pipeline.runtime.round_robin import RoundRobinInbox, most_worth_first
from pipeline.runtime.stream_lane import StreamLane

PICTURE = Picture.of(np.zeros((2, 2, 3), np.uint8))
CAP = 20  # seconds: the longest wait for another thread


class Lanes:
    """An inbox and its lanes."""

    def __init__(
        self, names: str, *, max_batch: int, slots: int = 1, live: bool = False, more: bool = False
    ) -> None:
        self.changed = Condition()
        self.inbox = RoundRobinInbox(max_batch, self.changed, slots=lambda: slots, more=more)
        overflow = Overflow.DROP_OLDEST if live else Overflow.BLOCK
        self.lanes = {name: self.lane(name, overflow) for name in names}
        for lane in self.lanes.values():
            self.inbox.add(lane)

    def lane(self, name: str, overflow: Overflow = Overflow.BLOCK) -> StreamLane:
        decoded: Channel[Frame] = Channel(
            name, 3, overflow, changed=self.changed, queued=self.inbox.stats.queued
        )
        return StreamLane(name, decoded, Channel(name, 8), self.changed)

    def decode(self, name: str, *indices: int) -> None:
        stream = Stream(name, name, Fraction(1, 25))
        for index in indices:
            frame = Frame(stream, index, None, index, Fraction(1, 25), 0.0, PICTURE)
            self.lanes[name].decoded.send(frame)

    def end(self) -> None:
        for lane in self.lanes.values():
            lane.decoded.close()


def names(frames: tuple[Frame, ...]) -> str:
    """Return stream and index of each frame, as "a0 b0"."""
    return " ".join(f"{frame.stream.name}{frame.index}" for frame in frames)


def test_a_batch_takes_the_lanes_in_turn_and_continues_after_the_last_one() -> None:
    lanes = Lanes("abc", max_batch=2)
    for name in "abc":
        lanes.decode(name, 0, 1)
    lanes.end()
    assert [names(ready.frames) for ready in lanes.inbox] == ["a0 b0", "c0 a1", "b1 c1"]
    assert lanes.inbox.stats.queued.count == 6


def test_a_batch_takes_several_frames_of_one_lane_if_no_other_is_ready() -> None:
    lanes = Lanes("ab", max_batch=4)
    lanes.decode("a", 0, 1, 2)
    lanes.decode("b", 0)
    lanes.end()
    assert [names(ready.frames) for ready in lanes.inbox] == ["a0 b0 a1 a2"]


def test_live_lanes_have_no_more_frames_under_way_than_the_engine_holds() -> None:
    lanes = Lanes("a", max_batch=1, slots=2, live=True)
    lanes.decode("a", 0, 1, 2)
    batches = iter(lanes.inbox)
    first = next(batches).frames[0]
    next(batches)
    third: list[str] = []
    thread = Thread(target=lambda: third.append(names(next(batches).frames)))
    thread.start()
    lanes.decode("a", 3, 4, 5)  # frame 2 waits in the full lane, where it is dropped
    assert third == []
    lanes.lanes["a"].deliver(Detected(first, Detections.empty()))
    thread.join(CAP)
    assert third == ["a3"]
    assert lanes.lanes["a"].under_way == 2


def test_an_inbox_that_has_ended_takes_no_lane() -> None:
    lanes = Lanes("a", max_batch=1)
    lanes.end()
    assert list(lanes.inbox) == []
    with pytest.raises(FramelaneError, match="the run is ending"):
        lanes.inbox.add(lanes.lane("late"))


def test_an_inbox_that_expects_more_lanes_ends_only_when_told() -> None:
    lanes = Lanes("a", max_batch=1, more=True)
    lanes.end()
    ended: list[list[object]] = []
    thread = Thread(target=lambda: ended.append(list(lanes.inbox)))
    thread.start()
    late = lanes.lane("b")
    lanes.inbox.add(late)
    lanes.lanes["b"] = late
    lanes.decode("b", 0)
    late.decoded.close()
    assert ended == []
    lanes.inbox.no_more()
    thread.join(CAP)
    assert len(ended) == 1 and len(ended[0]) == 1


def test_cancel_wakes_the_receiver_and_the_senders() -> None:
    lanes = Lanes("a", max_batch=1)
    outcome: list[BaseException] = []

    def receive() -> None:
        try:
            list(lanes.inbox)
        except Cancelled as cancelled:
            outcome.append(cancelled)

    thread = Thread(target=receive)
    thread.start()
    lanes.inbox.cancel()
    thread.join(CAP)
    assert len(outcome) == 1
    with pytest.raises(Cancelled):
        lanes.decode("a", 0)


def test_the_lane_whose_next_frame_is_worth_most_is_served_first() -> None:
    assert most_worth_first("abcd", [1.0, 3.0, 1.0, 2.0]) == ["b", "d", "a", "c"]


@given(st.lists(st.floats(0.05, 2.0), min_size=2, max_size=8))
@settings(max_examples=50, deadline=None)
def test_no_lane_starves_although_another_is_always_more_urgent(intervals: list[float]) -> None:
    waiting = [0.0] * len(intervals)  # seconds since each lane was served; one is, every 0.1 s
    longest = [0.0] * len(intervals)
    for _ in range(600):
        waiting = [each + 0.1 for each in waiting]
        worths = [each / every for each, every in zip(waiting, intervals, strict=True)]
        served = most_worth_first(list(range(len(intervals))), worths)[0]
        longest = [max(a, b) for a, b in zip(longest, waiting, strict=True)]
        waiting[served] = 0.0
    shares = sum(0.1 / every for every in intervals)  # of the engine; above 1 is overload
    for every, seen in zip(intervals, longest, strict=True):
        assert seen <= every * (max(shares, 1) + 1) + 0.1 * len(intervals)
