"""Batches to candidates, on two threads: one fills the engine's slots, the other empties them.

While slot k computes, slot k+1 uploads and slot k-1 downloads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

from detector.engines import Engine, FrameEngine, Pending
from pipeline.frames.batch import Batch, Inferred, InFlight
from pipeline.runtime.stage import Stage
from pipeline.stages.preprocess import letterboxed


class Submit(Stage[Batch, InFlight]):
    """Opens the engine on its own thread and starts inference of each batch."""

    def __init__(self, open_engine: Callable[[], Engine]) -> None:
        self._open_engine = open_engine
        self._engine: Engine | None = None

    def open(self) -> None:
        """Open the engine."""
        self._engine = self._open_engine()

    def process(self, item: Batch) -> Iterable[InFlight]:
        """Start inference of a batch, as soon as the engine has a free slot."""
        assert self._engine is not None, "open comes first"
        return (InFlight(item, _started(item, self._engine)),)

    def slots(self) -> int:
        """Return how many batches the engine can hold; 1 before it is open."""
        return self._engine.slots if self._engine else 1

    def is_open(self) -> bool:
        """Return whether the engine is open."""
        return self._engine is not None

    def close_engine(self) -> None:
        """Release the engine if it was opened; the pipeline calls this after both threads ended.

        `close` cannot do it: it runs while the other thread still collects.
        """
        if self._engine is not None:
            self._engine.close()


def _started(batch: Batch, engine: Engine) -> Pending:
    """Start inference of a batch where its frames lie, if the engine is there, too."""
    if batch.images is not None:
        return engine.submit(batch.images)
    places = [frame.picture.device for frame in batch.frames]
    there = [place for place in places if place is not None and place.gpu == engine.gpu]
    if len(there) == len(places):
        return cast(FrameEngine, engine).submit_frames(there, batch.letterboxes)
    return engine.submit(letterboxed(batch.frames, batch.letterboxes))


class Collect(Stage[InFlight, Inferred]):
    """Waits for the engine's results, in the order of submission, which frees its slots."""

    def process(self, item: InFlight) -> Iterable[Inferred]:
        """Return the batch with its candidates, in arrays that the engine does not reuse."""
        return (Inferred(item.batch, item.pending.result()),)
