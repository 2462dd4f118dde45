"""Rows of single tracks, and tracks that turn out to be one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from detector.detections import Int64Array
from trackers.motchallenge.text import MotResult, MotRows, Origin


@dataclass(frozen=True, slots=True)
class Tracklets:
    """Tracks while they are joined.

    result: the tracks as they are now
    parts: (n,) int64, the track of the tracker that each box is from
    """

    result: MotResult
    parts: Int64Array

    @classmethod
    def of(cls, rows: MotRows) -> Tracklets:
        """Return a tracker's tracks, of which none is joined yet."""
        return cls(MotResult(rows, np.full(len(rows), Origin.TRACKED)), rows.ids)

    def joined(self, following: Mapping[int, int]) -> Tracklets:
        """Return the tracks with the identity of the first of each chain.

        following: identity -> that of the track which continues it
        """
        names = {later: earlier for earlier, later in following.items()}
        ids = np.array([_first(identity, names) for identity in self.result.rows.ids.tolist()])
        rows = replace(self.result.rows, ids=ids.astype(np.int64))
        return replace(self, result=MotResult(rows, self.result.origins))

    def with_added(self, rows: MotRows) -> Tracklets:
        """Return the tracks with more boxes; where a track has one in a frame already, it stays."""
        both = MotRows.concatenated((self.result.rows, rows))
        origins = np.concatenate((self.result.origins, np.full(len(rows), Origin.LINKED)))
        parts = np.concatenate((self.parts, np.full(len(rows), -1)))
        _, kept = np.unique(np.stack((both.frames, both.ids)), axis=1, return_index=True)
        return Tracklets(MotResult(both[kept], origins[kept]), parts[kept])


def by_identity(rows: MotRows) -> list[Int64Array]:
    """Return the positions of each track's rows, in the order of frames; tracks by identity."""
    order = np.lexsort((rows.frames, rows.ids))
    return np.split(order, np.flatnonzero(np.diff(rows.ids[order])) + 1) if len(rows) else []


def chains(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Return which track each track continues in, of pairs whose first ends before the second.

    A track that occurs twice on one side of the pairs keeps the earlier pair.
    """
    following: dict[int, int] = {}
    taken: set[int] = set()
    for earlier, later in pairs:
        if earlier not in following and later not in taken:
            following[earlier] = later
            taken.add(later)
    return following


def _first(identity: int, names: Mapping[int, int]) -> int:
    while identity in names:
        identity = names[identity]
    return identity
