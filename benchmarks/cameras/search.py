"""Bisection: how many cameras are sustained, if each trial says whether a number is."""

from __future__ import annotations

MOST = 192  # cameras
STEP = 16  # the number found is exact to one, or to this part of it


class Search:
    """The largest number of cameras that trials have found to be sustained.

    sustained: it; 0 before a trial succeeds
    failed: the smallest number that was too much
    """

    def __init__(self, first: int) -> None:
        self.sustained, self.failed = 0, MOST + 1
        self._first = first

    @property
    def settled(self) -> bool:
        """Whether no further trial is needed."""
        return self.failed - self.sustained <= max(1, self.sustained // STEP)

    @property
    def next(self) -> int:
        """The number of cameras to try next."""
        if not self.sustained and self.failed > MOST:
            return self._first
        if self.failed > MOST:
            return min(MOST, self.sustained + (self.sustained + 1) // 2)
        return (self.sustained + self.failed) // 2

    def __str__(self) -> str:
        too_many = f"{self.failed} are too many" if self.failed <= MOST else "more were not tried"
        return f"{self.sustained} cameras, {too_many}"

    def tried(self, cameras: int, sustained: bool) -> None:
        """Note the result of a trial."""
        if sustained:
            self.sustained = max(self.sustained, cameras)
        else:
            self.failed = min(self.failed, cameras)
