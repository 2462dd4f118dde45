"""One stop on a frame's path, and the few lines that drive every one of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


class Stage(Generic[In, Out]):
    """One stop on a frame's path: plain code that owns no thread and no queue."""

    def open(self) -> None:
        """Acquire resources, on the thread that will use them (a CUDA context stays there)."""

    def process(self, item: In) -> Iterable[Out]:
        """Return zero, one or many results for one item, on the stage's thread."""
        raise NotImplementedError

    def finish(self) -> Iterable[Out]:
        """Return whatever is still held when the stream ends well, on the stage's thread."""
        return ()

    def close(self) -> None:
        """Release resources, on the stage's thread. Always called, also after a failure."""
