"""A recording that cannot be written: why, and whether there is space again."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from shutil import disk_usage
from time import monotonic

from pipeline.rate_limited_log import RateLimitedLog

CHECK_SECONDS = 5.0  # between two checks of the disk: for free space, for old files
MIN_FREE = 0.05  # of the disk must be free before recording resumes,
MAX_MIN_FREE = 1 << 30  # bytes; this is enough on a large disk
STOPPED = "recording has stopped"


class Standstill:
    """Stops a recording whose files cannot be written, until the disk has space.

    template: of the names of the files
    clock: seconds that never go back

    stopped: whether nothing is to be written now
    """

    def __init__(
        self, template: Path, log: RateLimitedLog, clock: Callable[[], float] = monotonic
    ) -> None:
        self.stopped = False
        self._template = template
        self._log = log
        self._clock = clock
        self._check_at = float("-inf")
        self._failures: Counter[str] = Counter()

    @property
    def interruptions(self) -> list[str]:
        """Why recording stopped, and how often."""
        return [
            f"{why}: recording stopped" + (f" {count} times" if count > 1 else "")
            for why, count in self._failures.items()
        ]

    def begin(self, error: Exception) -> str:
        """Stop because of an error, and return the reason in a few words."""
        why = str(getattr(error.__cause__ or error, "strerror", None) or error)
        self._failures[f"{self._template}: {why}"] += 1
        self._log.log(logging.ERROR, f"recording has stopped: {error}", why)
        self.stopped = True
        self._check_at = self._clock() + CHECK_SECONDS
        return why

    def is_time_to_check(self) -> bool:
        """Return whether the disk is to be looked at: once in CHECK_SECONDS."""
        if self._clock() < self._check_at:
            return False
        self._check_at = self._clock() + CHECK_SECONDS
        return True

    def ends(self) -> bool:
        """Return whether recording has stopped and may resume, because there is space."""
        if not (self.stopped and _has_space(self._template)):
            return False
        self.stopped = False
        return True


def _has_space(path: Path) -> bool:
    folder = path.parent
    while "%" in str(folder) or not folder.is_dir():
        folder = folder.parent
    disk = disk_usage(folder)
    return disk.free >= min(MAX_MIN_FREE, MIN_FREE * disk.total)
