"""A source as the inbox of the stage that reads it."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.runtime.stats import ChannelStats
from pipeline.sources import Decoded, Skipped, Source


class SourceInbox:
    """A source as an inbox: the stage opens and closes it, and the runner stops it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.stats = ChannelStats()  # stays empty: reading counts as work, not as waiting

    def __iter__(self) -> Iterator[Decoded | Skipped]:
        """Read until the end."""
        return iter(self._source)

    def cancel(self) -> None:
        """Stop reading."""
        self._source.stop()
