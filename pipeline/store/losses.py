"""What was lost in memory before it could be stored."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pipeline.store.changes import Change, EventChange


@dataclass(frozen=True, slots=True)
class Loss:
    """Lost changes of one stream; since, until: when they were lost, seconds since 1970."""

    stream: str
    count: int
    since: float
    until: float


class Losses:
    """Counts lost changes, and which of them no gap in the outbox tells of yet."""

    def __init__(self) -> None:
        self.total = 0
        self._new: dict[str, Loss] = {}  # stream -> changes of its events

    def add(self, change: Change, now: float) -> None:
        """Count a change that is lost."""
        self.total += 1
        if isinstance(change, EventChange):
            stream = change.record.stream
            before = self._new.get(stream, Loss(stream, 0, now, now))
            self._new[stream] = replace(before, count=before.count + 1, until=now)

    def unannounced(self) -> list[Loss]:
        """Return the losses that no gap tells of yet."""
        return list(self._new.values())

    def announced(self, losses: Iterable[Loss]) -> None:
        """Forget what gaps now tell of; more may have been lost meanwhile."""
        for loss in losses:
            now = self._new.pop(loss.stream)
            if now.count > loss.count:
                rest = replace(now, count=now.count - loss.count, since=loss.until)
                self._new[loss.stream] = rest
