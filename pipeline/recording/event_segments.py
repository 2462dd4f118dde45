"""Which segments of a recording overlap an event; the others are deleted."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

SETTLE_SECONDS = 30.0  # after which an event is known: it is noted when it has lasted a while


class EventSpans(Protocol):
    """The events of one stream."""

    def overlaps(self, start: float, end: float) -> bool:
        """Return whether an event overlaps a span, in seconds since 1970; from any thread.

        An event that goes on has no end yet, and overlaps every span after its start.
        """


@dataclass(frozen=True, slots=True)
class _Undecided:
    """A complete segment; start, end: seconds since 1970."""

    path: Path
    start: float
    end: float


class EventSegments:
    """Deletes each segment once no event can overlap it any more.

    spans: the stream's events
    pre_seconds, post_seconds: kept before and after an event
    delete: deletes a segment; may raise OSError
    """

    def __init__(
        self,
        spans: EventSpans,
        pre_seconds: float,
        post_seconds: float,
        delete: Callable[[Path], None],
        *,
        settle_seconds: float = SETTLE_SECONDS,
    ) -> None:
        self.deleted = 0  # segments
        self._spans = spans
        self._pre = pre_seconds
        self._post = post_seconds
        self._delete = delete
        self._settle = settle_seconds
        self._undecided: deque[_Undecided] = deque()

    def completed(self, path: Path, start: float, end: float) -> None:
        """Add a complete segment; start, end: seconds since 1970."""
        self._undecided.append(_Undecided(path, start, end))

    def decide(self, now: float) -> None:
        """Keep or delete the segments whose events are known by now; may raise OSError."""
        while self._undecided and self._undecided[0].end + self._pre + self._settle <= now:
            segment = self._undecided.popleft()
            if not self._spans.overlaps(segment.start - self._post, segment.end + self._pre):
                self._delete(segment.path)
                self.deleted += 1
