"""All deliveries of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

from detector.errors import UsageError
from pipeline.delivery import make_transport
from pipeline.delivery.config import DeliveryConfig
from pipeline.delivery.deliverer import Deliverer, Rows
from pipeline.delivery.transport import Camera
from pipeline.store.changes import EventChange
from pipeline.store.outbox_writer import OutboxBounds

STOP_SECONDS = 2.0
DRAIN_SHARE = 0.6  # of the time to stop; the rest is for closing what does not answer


class Deliveries:
    """Delivers what the outbox holds, to every configured receiver.

    folder: of the events, to which the paths of snapshots are relative
    Raises UsageError for a URL or option that is wrong, and for two transports of one name.
    """

    def __init__(self, configs: Sequence[DeliveryConfig], outbox: Rows, folder: Path) -> None:
        names = outbox_bounds(configs)
        self.deliverers = [
            Deliverer(name, config.kind, make_transport(config, folder), outbox)
            for name, config in zip(names, configs, strict=True)
        ]

    def start(self) -> None:
        """Begin to deliver."""
        for each in self.deliverers:
            each.start()

    def committed(self, changes: Iterable[EventChange]) -> None:
        """Deliver what was committed: the listener of `EventLog.on_committed`. Never waits."""
        for change in changes:
            for each in self.deliverers:
                each.transport.observe(change.record, change.phase)
        for each in self.deliverers:
            each.wake()

    def cameras(self, added: Iterable[Camera] = (), removed: Iterable[str] = ()) -> None:
        """Take note of cameras that come or go. Any thread."""
        added, removed = list(added), list(removed)
        for each in self.deliverers:
            each.transport.cameras(added, removed)

    def stop(self, seconds: float = STOP_SECONDS) -> bool:
        """Deliver what can be delivered in this time, then end; return whether all have ended.

        What was not delivered stays in the outbox for the next run.
        """
        until = monotonic() + seconds
        for each in self.deliverers:
            each.drain()
        for each in self.deliverers:
            each.join(until - seconds * (1 - DRAIN_SHARE) - monotonic())
        for each in self.deliverers:
            each.interrupt()
        return all(each.join(until - monotonic()) for each in self.deliverers)

    def remember_backlog(self) -> None:
        """Keep what waits now for the figures, because the outbox will be closed."""
        for each in self.deliverers:
            each.remember_backlog()

    def figures(self) -> list[dict[str, Any]]:
        """Return what the report shows about each, ready for JSON and without secrets."""
        return [each.figures() for each in self.deliverers]


def outbox_bounds(configs: Iterable[DeliveryConfig]) -> dict[str, OutboxBounds]:
    """Return how much may wait for each transport, by its name in the outbox.

    Raises UsageError for a repeated name.
    """
    bounds: dict[str, OutboxBounds] = {}
    for config in configs:
        if config.transport in bounds:
            raise UsageError(
                f"deliver: two entries are called '{config.transport}': give one of them a 'name'"
            )
        bounds[config.transport] = OutboxBounds(
            max_bytes=config.keep_bytes, max_seconds=config.keep_seconds
        )
    return bounds
