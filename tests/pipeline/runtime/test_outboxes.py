"""Frames go back to their own lane, out to every sink, and into the ledger."""

from __future__ import annotations

from fractions import Fraction
from threading import Condition

import numpy as np
import pytest

from detector.detections import Detections
from pipeline.frames.fate import Fate, NotWritten
from pipeline.frames.frame import Frame
from pipeline.frames.picture import Picture
from pipeline.frames.result import Detected, Tracked
from pipeline.frames.stream import Stream
from pipeline.runtime.channel import Cancelled, Channel
from pipeline.runtime.ledger import Ledger
from pipeline.runtime.outboxes import FanOut, LedgerOutbox, Router
from pipeline.runtime.stream_lane import StreamLane
from trackers.tracks import Tracks

PICTURE = Picture.of(np.zeros((2, 2, 3), np.uint8))


def frame(index: int, name: str = "cam") -> Frame:
    stream = Stream(name, name, Fraction(1, 25))
    return Frame(stream, index, None, index, Fraction(1, 25), 0.0, PICTURE)


def tracked(index: int) -> Tracked:
    return Tracked(frame(index), Tracks.untracked(Detections.empty()))


def lane(name: str, credit: int = 2) -> StreamLane:
    changed = Condition()
    return StreamLane(name, Channel("decoded", 8, changed=changed), Channel(name, credit), changed)


def test_the_router_returns_each_frame_to_the_lane_of_its_stream() -> None:
    router, lanes = Router(), {name: lane(name) for name in "ab"}
    for each in lanes.values():
        router.add(each)
    for index, name in enumerate("aba"):
        lanes[name].decoded.send(frame(index, name))
        taken = lanes[name].take()
        assert taken
        router.send(Detected(taken, Detections.empty()))
    router.close()
    indices = {name: [each.tail.receive().frame.index] for name, each in lanes.items()}
    assert indices == {"a": [0], "b": [1]}
    assert len(lanes["a"].tail) == 1 and len(lanes["b"].tail) == 0
    router.forget(lanes["a"])
    assert len(router) == 1


class Sinks:
    """The outbox of a stream's tail, and the channels of its two sinks."""

    def __init__(self, *, tolerant: bool) -> None:
        self.ledger = Ledger()
        self.lane = lane("cam")
        self.channels: list[Channel[Tracked]] = [self.channel(name) for name in ("one", "two")]
        self.outbox = FanOut(self.lane, self.channels, self.ledger, tolerant=tolerant)

    def channel(self, name: str) -> Channel[Tracked]:
        return Channel(name, 8, on_discard=lambda x: self.ledger.failed(x, name, "cancelled"))

    def send(self, index: int) -> None:
        """Take a frame through the lane and send it on."""
        self.lane.decoded.send(frame(index))
        assert self.lane.take() is not None
        item = tracked(index)
        self.ledger.decoded(item.frame.ticket)
        self.outbox.send(item)


def test_every_sink_gets_every_frame_and_the_credit_returns() -> None:
    sinks = Sinks(tolerant=False)
    for index in range(5):  # more than the credit
        sinks.send(index)
    sinks.outbox.close()
    for channel in sinks.channels:
        assert [item.frame.index for item in channel] == list(range(5))


def test_a_cancelled_sink_ends_the_stream_after_the_others_got_the_frame() -> None:
    sinks = Sinks(tolerant=False)
    sinks.channels[0].cancel()
    with pytest.raises(Cancelled):
        sinks.send(0)
    assert sinks.channels[1].receive().frame.index == 0
    sinks.ledger.emitted(frame(0).ticket)
    assert dict(sinks.ledger.balance("cam").failed) == {("one", "cancelled"): 1}
    sinks.ledger.check()


def test_a_tolerant_stream_goes_on_until_its_last_sink_is_cancelled() -> None:
    sinks = Sinks(tolerant=True)
    sinks.channels[0].cancel()
    sinks.send(0)
    sinks.send(1)
    assert len(sinks.channels[1]) == 2
    sinks.channels[1].cancel()
    with pytest.raises(Cancelled):
        sinks.send(2)
    sinks.ledger.check()


@pytest.mark.parametrize(("fate", "name"), [(Fate.DROPPED, "dropped"), (Fate.FAILED, "failed")])
def test_a_frame_that_is_not_written_gets_its_fate_and_reason(fate: Fate, name: str) -> None:
    ledger = Ledger()
    ledger.decoded(frame(0).ticket)
    LedgerOutbox(ledger, "cam/out").send(NotWritten(frame(0).ticket, "no room", fate))
    assert dict(getattr(ledger.balance("cam"), name)) == {("cam/out", "no room"): 1}
    ledger.check()


def test_a_ticket_from_a_sink_means_that_the_frame_is_written() -> None:
    ledger = Ledger()
    ledger.decoded(frame(0).ticket)
    LedgerOutbox(ledger, "cam/out").send(frame(0).ticket)
    assert ledger.balance("cam").emitted == 1
    ledger.check()
