"""Ctrl-C and SIGTERM: the first signal stops a run in order, the second cancels it."""

from __future__ import annotations

import os
import signal
import sys
from threading import Timer
from types import TracebackType
from typing import Any

from pipeline.runtime.runner import Pipeline

GRACE_SECONDS = 1.0  # until a cancelled run is killed: a call into a runtime cannot be interrupted
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupt:
    """Counts signals while it is open; `obey`, called by the main thread, acts on them.

    The handler only counts: it may interrupt any code, so it must not take a lock.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._asked = 0
        self._obeyed = 0
        self._deadline = Timer(GRACE_SECONDS, _exit)
        self._deadline.daemon = True  # it must not keep the process alive
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        self._before = {number: signal.signal(number, self._count) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._deadline.cancel()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def obey(self) -> None:
        """Stop the run after one signal; cancel it after two."""
        if self._asked > 0 and self._obeyed == 0:
            self._obeyed = 1
            self._pipeline.stop()
        if self._asked > 1 and self._obeyed == 1:
            self.give_up()

    def give_up(self) -> None:
        """Cancel the run, and exit the process if it does not end in time."""
        if self._obeyed < 2:
            self._asked = self._obeyed = 2
            self._deadline.start()
            self._pipeline.cancel()

    def _count(self, _number: int, _frame: object) -> None:
        self._asked += 1


def _exit() -> None:
    """Exit although a thread hangs in a call that cannot be interrupted."""
    print("cancelled: a stage did not end in time, its output is incomplete", file=sys.stderr)
    sys.stderr.flush()
    os._exit(1)
