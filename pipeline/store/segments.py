"""The index of recorded segments: which file shows which time of which stream."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.store.database import Database


@dataclass(frozen=True, slots=True)
class Segment:
    """A recorded file.

    path: as the recorder opened it
    start, end: seconds since 1970; end: None while it is written
    bytes: its size, 0 while it is written
    """

    path: str
    stream: str
    start: float
    end: float | None = None
    bytes: int = 0


def segments_between(database: Database, stream: str, since: float, until: float) -> list[Segment]:
    """Return the segments of a stream that show a part of a time, in order; raises StoreError."""
    rows = database.query(
        "SELECT path, stream, start_wall, end_wall, bytes FROM segments WHERE stream = ?"
        " AND start_wall < ? AND (end_wall IS NULL OR end_wall > ?) ORDER BY start_wall",
        (stream, until, since),
    )
    return [Segment(*row) for row in rows]
