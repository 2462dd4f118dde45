"""The outboxes that are not one channel: to the streams, to the sinks, to the ledger."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.frames.fate import Fate, NotWritten, Ticket
from pipeline.frames.frame import Frame
from pipeline.frames.result import Detected, Tracked
from pipeline.runtime.channel import Cancelled, Channel
from pipeline.runtime.ledger import Ledger
from pipeline.runtime.stream_lane import StreamLane


class Router:
    """The outbox of the last shared stage: returns each frame to its stream's lane."""

    def __init__(self) -> None:
        self._lanes: dict[str, StreamLane] = {}

    def __len__(self) -> int:
        """How many lanes it knows."""
        return len(self._lanes)

    def add(self, lane: StreamLane) -> None:
        """Add a lane, before its first frame."""
        self._lanes[lane.name] = lane

    def forget(self, lane: StreamLane) -> None:
        """Remove a lane, after its last frame."""
        del self._lanes[lane.name]

    def send(self, item: Detected) -> None:
        """Deliver to the lane of the frame's stream; never waits, never raises."""
        self._lanes[item.frame.stream.name].deliver(item)

    def close(self, failure: BaseException | None = None) -> None:
        """Do nothing: each lane closes its tail after its own last frame."""


class LaneOutbox:
    """The outbox of the decoder of a stream with attention: frames that rest pass the engine by."""

    def __init__(self, lane: StreamLane) -> None:
        self._lane = lane

    def send(self, item: Frame) -> None:
        """Hand a frame to the lane; raise Cancelled if it takes no more."""
        self._lane.enter(item)

    def close(self, failure: BaseException | None = None) -> None:
        """End the stream, with the failure if it is incomplete."""
        self._lane.decoded.close(failure)


class FanOut:
    """The outbox of a stream's tail: sends every frame to every sink, then returns the credit.

    tolerant: the stream survives the loss of sinks as long as one is left
    """

    def __init__(
        self,
        lane: StreamLane,
        sinks: Sequence[Channel[Tracked]],
        ledger: Ledger,
        *,
        tolerant: bool = False,
    ) -> None:
        self._lane = lane
        self._sinks = sinks
        self._listening = list(sinks)
        self._ledger = ledger
        self._tolerant = tolerant

    def send(self, item: Tracked) -> None:
        """Send to the channel of each sink; raise Cancelled if one of them is cancelled."""
        self._ledger.split(item, len(self._listening))
        gone: Cancelled | None = None
        for sink in list(self._listening):
            try:
                sink.send(item)
            except Cancelled as cancelled:
                gone = cancelled  # the others still get the frame: each channel reports its own end
                self._listening.remove(sink)
        self._lane.return_credit()
        if gone and not (self._tolerant and self._listening):
            raise gone

    def close(self, failure: BaseException | None = None) -> None:
        """End the channel of every sink."""
        for sink in self._sinks:
            sink.close(failure)


class LedgerOutbox:
    """The outbox of a sink: reports to the ledger what the sink has written or not.

    stage: the sink's
    """

    def __init__(self, ledger: Ledger, stage: str) -> None:
        self._ledger = ledger
        self._stage = stage

    def send(self, item: Ticket | NotWritten) -> None:
        """Report the fate of one frame."""
        if not isinstance(item, NotWritten):
            self._ledger.emitted(item)
        elif item.fate is Fate.FAILED:
            self._ledger.failed(item, self._stage, item.reason)
        else:
            self._ledger.dropped(item, self._stage, item.reason)

    def close(self, failure: BaseException | None = None) -> None:
        """Do nothing: nothing follows a sink."""
