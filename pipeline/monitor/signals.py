"""Ctrl-C and SIGTERM: the first signal stops a run in order, the second cancels it."""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress
from threading import Thread
from types import TracebackType
from typing import Any, Protocol

GRACE_SECONDS = 1.0  # until a cancelled run is killed: a call into a runtime cannot be interrupted
SIGNALS = (signal.SIGINT, signal.SIGTERM)
GIVEN_UP = 0  # no number of a signal
LAST_WORDS = b"cancelled: a stage did not end in time, its output is incomplete\n"


class Stoppable(Protocol):
    """A run, or what else can be ended in two ways."""

    def stop(self) -> None:
        """End in order."""

    def cancel(self) -> None:
        """End now."""


class Interrupt:
    """Counts signals while it is open; `obey`, called by the main thread, acts on them.

    The handler only counts: it may interrupt any code, so it must not take a lock. The second
    signal also starts a deadline, on a thread that Python wakes even if the main thread hangs.
    """

    def __init__(self, run: Stoppable) -> None:
        self._run = run
        self._asked = 0
        self._obeyed = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        self._ended, self._end = os.pipe()  # closing the second one ends the thread
        self._heard, self._wake = os.pipe()  # a byte for each signal
        os.set_blocking(self._wake, False)
        self._wake_before = signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, self._count) for number in SIGNALS}
        # It must not keep the process alive, and is woken by every end.
        self._deadline = Thread(target=self._exit_in_time, name="signals", daemon=True)
        self._deadline.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wake_before)
        os.close(self._end)
        self._deadline.join()
        for descriptor in (self._ended, self._heard, self._wake):
            os.close(descriptor)

    @property
    def asked(self) -> bool:
        """Whether a signal has come."""
        return self._asked > 0

    def obey(self) -> None:
        """Stop the run after one signal; cancel it after two."""
        if self._asked > 0 and self._obeyed == 0:
            self._obeyed = 1
            self._run.stop()
        if self._asked > 1 and self._obeyed == 1:
            self.give_up()

    def give_up(self) -> None:
        """Cancel the run, and exit the process if it does not end in time."""
        if self._obeyed < 2:
            self._asked = self._obeyed = 2
            os.write(self._wake, bytes([GIVEN_UP] * 2))
            self._run.cancel()

    def _count(self, _number: int, _frame: object) -> None:
        self._asked += 1

    def _exit_in_time(self) -> None:
        """After two signals, exit although a thread hangs in a call that cannot be interrupted."""
        heard = 0
        while heard < 2:
            ready, _, _ = select.select([self._heard, self._ended], [], [])
            if self._ended in ready:
                return
            heard += sum(number in (GIVEN_UP, *SIGNALS) for number in os.read(self._heard, 64))
        if self._ended not in select.select([self._ended], [], [], GRACE_SECONDS)[0]:
            with suppress(OSError):
                if select.select([], [2], [], 0)[1]:
                    os.write(2, LAST_WORDS)
            os._exit(1)
