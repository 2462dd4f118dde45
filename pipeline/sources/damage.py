"""Decoding errors of one recording, summed up in a few lines, however long it is."""

from __future__ import annotations

from collections import Counter


class Damage:
    """Counts decoding errors by kind, with the position of the first of each kind."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._frames = 0
        self._count: Counter[str] = Counter()
        self._first: dict[str, str] = {}
        self.interrupted = False  # reading failed, and the rest may be good

    @property
    def lines(self) -> list[str]:
        """One line for each kind of damage: what, where first, how often."""
        return [self._line(kind) for kind in self._first]

    @property
    def any_frame(self) -> bool:
        """Whether a frame was decoded."""
        return self._frames > 0

    def frame(self, seconds: float | None, *, damaged: bool) -> None:
        """Count a decoded frame; damaged: the decoder concealed errors in it."""
        if damaged:
            self._note("damaged frame", seconds)
        self._frames += 1

    def undecodable(self, seconds: float | None, reason: str) -> None:
        """Count a packet that gave no frame."""
        self._note(f"packet that does not decode ({reason})", seconds)

    def broken_off(self, reason: str, *, interrupted: bool) -> None:
        """Note that reading stopped before the end.

        interrupted: by a disk or a network, not because of what was read
        """
        self.interrupted = interrupted
        self._note(f"reading broke off ({reason})", None)

    def end(self) -> None:
        """Note the end of the source, which is an error if there was no frame."""
        if not self._frames and not self._first:
            self._note("no frame before the end,", None)

    def _note(self, kind: str, seconds: float | None) -> None:
        position = f"at frame {self._frames}" + ("" if seconds is None else f", {seconds:.3f} s")
        self._first.setdefault(kind, position)
        self._count[kind] += 1

    def _line(self, kind: str) -> str:
        more = f", and {self._count[kind] - 1} more after it" if self._count[kind] > 1 else ""
        return f"{self._url}: {kind} {self._first[kind]}{more}"
