"""The lines and zones of a run, which may be replaced while it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from pipeline.analytics.config import AnalyticsConfig, WatchMaker


@dataclass(frozen=True, slots=True)
class Posted:
    """A set of lines and zones; version: from 1 on, another one for each set."""

    version: int
    config: AnalyticsConfig


class AnalyticsBoard:
    """Where the streams look for their lines and zones; any thread.

    classes: of the model
    Raises UsageError for shapes that could never cause an event, and so does `replace`.
    """

    def __init__(self, config: AnalyticsConfig, classes: Sequence[str]) -> None:
        self._classes = classes
        self._lock = Lock()
        self.posted = Posted(1, config)
        self.watches("", config)

    def watches(self, stream: str, config: AnalyticsConfig) -> WatchMaker | None:
        """Return a function that makes the counters of a stream; None if it has no shape."""
        return config.watches(stream, self._classes)

    def replace(self, config: AnalyticsConfig, version: int) -> Posted | None:
        """Replace the set that has this version; None if there is another one by now."""
        self.watches("", config)
        with self._lock:
            if self.posted.version != version:
                return None
            self.posted = Posted(version + 1, config)
            return self.posted
