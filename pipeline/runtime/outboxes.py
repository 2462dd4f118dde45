"""Outboxes that are not a channel: back to the streams, out to the sinks, into the books."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.frame import Detected, LeftOut, Ticket, Tracked
from pipeline.runtime.channel import Cancelled, Channel
from pipeline.runtime.ledger import Ledger
from pipeline.runtime.stream_lane import StreamLane


class Router:
    """The outbox of the last shared stop: each frame goes back to its own lane."""

    def __init__(self) -> None:
        self._lanes: dict[str, StreamLane] = {}

    def add(self, lane: StreamLane) -> None:
        """Know a lane, before its first frame."""
        self._lanes[lane.name] = lane

    def forget(self, lane: StreamLane) -> None:
        """Let go of a lane, after its last frame."""
        del self._lanes[lane.name]

    def send(self, item: Detected) -> None:
        """Deliver to the lane of the frame's stream; never waits, never raises."""
        self._lanes[item.frame.stream.name].deliver(item)

    def close(self, failure: BaseException | None = None) -> None:
        """Do nothing: each lane closes its tail behind its own last frame."""


class FanOut:
    """The outbox of a stream's tail: every sink gets every frame, then the credit goes back.

    tolerant: the stream goes on without a sink that has gone, until the last one has
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
        """Send to each sink's channel; raise Cancelled if one of them has gone."""
        self._ledger.split(item, len(self._listening))
        gone: Cancelled | None = None
        for sink in list(self._listening):
            try:
                sink.send(item)
            except Cancelled as cancelled:
                gone = cancelled  # the others still get theirs: each channel owns its share
                self._listening.remove(sink)
        self._lane.return_credit()
        if gone and not (self._tolerant and self._listening):
            raise gone

    def close(self, failure: BaseException | None = None) -> None:
        """End every sink's channel."""
        for sink in self._sinks:
            sink.close(failure)


class LedgerOutbox:
    """The outbox of a sink: what it says is written, or left out, has met its fate.

    stage: the sink's
    """

    def __init__(self, ledger: Ledger, stage: str) -> None:
        self._ledger = ledger
        self._stage = stage

    def send(self, item: Ticket | LeftOut) -> None:
        """Enter the frame as emitted, as dropped, or as failed."""
        if not isinstance(item, LeftOut):
            self._ledger.emitted(item)
        elif item.failed:
            self._ledger.failed(item, self._stage, item.reason)
        else:
            self._ledger.dropped(item, self._stage, item.reason)

    def close(self, failure: BaseException | None = None) -> None:
        """Do nothing: nobody listens behind a sink."""
