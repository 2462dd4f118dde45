"""Outboxes that are not a channel: back to the streams, out to the sinks, into the books."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.channel import Cancelled, Channel
from pipeline.frame import Detected, Ticket, Tracked
from pipeline.lane import Lane
from pipeline.ledger import Ledger


class Router:
    """The outbox of the last shared stop: each frame goes back to its own lane."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self._lanes = {lane.name: lane for lane in lanes}

    def send(self, item: Detected) -> None:
        """Deliver to the lane of the frame's stream; never waits, never raises."""
        self._lanes[item.frame.stream.name].deliver(item)

    def close(self, failure: BaseException | None = None) -> None:
        """Do nothing: each lane closes its tail behind its own last frame."""


class Fan:
    """The outbox of a stream's tail: every sink gets every frame, then the credit goes back."""

    def __init__(self, lane: Lane, sinks: Sequence[Channel[Tracked]], ledger: Ledger) -> None:
        self._lane = lane
        self._sinks = sinks
        self._ledger = ledger

    def send(self, item: Tracked) -> None:
        """Send to each sink's channel; raise Cancelled if one of them has gone."""
        self._ledger.split(item, len(self._sinks))
        gone: Cancelled | None = None
        for sink in self._sinks:
            try:
                sink.send(item)
            except Cancelled as cancelled:
                gone = cancelled  # the others still get theirs: each channel owns its share
        self._lane.return_credit()
        if gone:
            raise gone

    def close(self, failure: BaseException | None = None) -> None:
        """End every sink's channel."""
        for sink in self._sinks:
            sink.close(failure)


class Emitted:
    """The outbox of a sink: what it says is written has met its fate."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def send(self, item: Ticket) -> None:
        """Enter the frame as emitted."""
        self._ledger.emitted(item)

    def close(self, failure: BaseException | None = None) -> None:
        """Do nothing: nobody listens behind a sink."""
