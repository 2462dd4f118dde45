"""Batches to candidates, on two threads: one keeps the engine's slots full, one empties them.

While slot k computes, slot k+1 uploads and slot k-1 downloads: that is the pipelining.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Condition

from detector.engines import Engine
from pipeline.channel import Cancelled
from pipeline.frame import Batch, Inferred, InFlight
from pipeline.stage import Stage


class Slots:
    """The engine's slots as the two stages see them.

    The engine itself waits while all slots are taken, but it cannot know that the stage which
    empties them has broken. Here the wait ends then, with Cancelled.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._free = 0
        self._abandoned = False

    def add(self, count: int) -> None:
        """Note that so many slots are there, or are free again."""
        with self._changed:
            self._free += count
            self._changed.notify_all()

    def take(self) -> None:
        """Wait for a free slot and take it; raise Cancelled once nobody empties them."""
        with self._changed:
            self._changed.wait_for(lambda: self._free or self._abandoned)
            if self._abandoned:
                raise Cancelled("slots")
            self._free -= 1

    def abandon(self) -> None:
        """Note that nobody empties slots any more."""
        with self._changed:
            self._abandoned = True
            self._changed.notify_all()


class Submit(Stage[Batch, InFlight]):
    """Opens the engine on its own thread and starts work on one batch after the other."""

    def __init__(self, open_engine: Callable[[], Engine], slots: Slots) -> None:
        self._open_engine = open_engine
        self._slots = slots
        self._engine: Engine | None = None

    def open(self) -> None:
        """Open the engine, on the thread that will submit to it."""
        self._engine = self._open_engine()
        self._slots.add(self._engine.slots)

    def process(self, item: Batch) -> Iterable[InFlight]:
        """Start on a batch as soon as a slot is free; raise Cancelled if none ever will be."""
        assert self._engine is not None, "open comes first"
        self._slots.take()
        return (InFlight(item, self._engine.submit(item.images)),)

    def close_engine(self) -> None:
        """Release the engine: not part of `close`, because the other thread may still need it.

        The pipeline calls it after both threads have ended.
        """
        if self._engine is not None:
            self._engine.close()


class Collect(Stage[InFlight, Inferred]):
    """Waits for the engine's results, in the order of submission."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots

    def process(self, item: InFlight) -> Iterable[Inferred]:
        """Return the batch with its candidates; its slot is free again."""
        candidates = item.pending.result()
        self._slots.add(1)
        return (Inferred(item.batch, candidates),)

    def close(self) -> None:
        """Tell the other thread that nobody empties slots any more."""
        self._slots.abandon()
