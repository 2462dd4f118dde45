"""Ctrl-C and SIGTERM: the first ends a run well, the second at once."""

from __future__ import annotations

import os
import signal
import sys
from threading import Timer
from types import TracebackType
from typing import Any

from pipeline.runtime.runner import Pipeline

GRACE_SECONDS = 1.0  # that a cancelled run has: a call into a runtime cannot be interrupted
ENDINGS = (signal.SIGINT, signal.SIGTERM)


class Interrupt:
    """Counts signals while it is open; the main thread obeys them at its next look.

    The handler only counts: it may run in the middle of anything, so it must not take a lock.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._asked = 0
        self._obeyed = 0
        self._last_word = Timer(GRACE_SECONDS, _leave)
        self._last_word.daemon = True  # it must not keep alive what it is there to end
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        self._before = {number: signal.signal(number, self._count) for number in ENDINGS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._last_word.cancel()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def obey(self) -> None:
        """Stop the run if that was asked for; cancel it if it was asked for again."""
        if self._asked > 0 and self._obeyed == 0:
            self._obeyed = 1
            self._pipeline.stop()
        if self._asked > 1 and self._obeyed == 1:
            self.give_up()

    def give_up(self) -> None:
        """Cancel the run, and leave the process if it does not end in time."""
        if self._obeyed < 2:
            self._asked = self._obeyed = 2
            self._last_word.start()
            self._pipeline.cancel()

    def _count(self, _number: int, _frame: object) -> None:
        self._asked += 1


def _leave() -> None:
    """Leave although a thread hangs in a call that cannot be interrupted."""
    print("cancelled: a stage did not end in time, its output is incomplete", file=sys.stderr)
    sys.stderr.flush()
    os._exit(1)
