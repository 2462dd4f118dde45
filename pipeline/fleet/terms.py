"""Which coordinator a node obeys: the one with the highest term, also after a restart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from time import monotonic

from detector.atomic_write import replacing
from detector.errors import FramelaneError


class Superseded(FramelaneError):
    """Another coordinator has taken over, or is at work."""


class TermGuard:
    """Refuses orders of a coordinator that has a successor. Any thread.

    folder: where the term is kept
    clock: seconds that never go back
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = monotonic) -> None:
        self._path = folder / "term"
        self._clock = clock
        self._lock = Lock()
        self._heard_at: float | None = None
        self.term = int(self._path.read_text()) if self._path.exists() else 0

    @property
    def idle_seconds(self) -> float | None:
        """Seconds since the last order; None if there was none since the node has started."""
        return None if self._heard_at is None else self._clock() - self._heard_at

    def check(self, term: int) -> None:
        """Obey a term; raises Superseded if a later one was obeyed before."""
        with self._lock:
            if term < self.term:
                raise Superseded(
                    f"another coordinator has taken over (term {self.term}, this one has {term}): "
                    "it knows what runs, so let this one end"
                )
            self._heard_at = self._clock()
            if term > self.term:
                self.term = term
                with replacing(self._path) as path:
                    path.write_text(str(term))
