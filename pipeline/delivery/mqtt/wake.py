"""A signal that a poll() waits for beside a socket."""

from __future__ import annotations

import os
from contextlib import suppress
from select import POLLIN, poll
from threading import Lock


class Wake:
    """Set on any thread; waited for and cleared on one.

    descriptor: readable while it is set
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._closed = False
        self.descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def set(self) -> None:
        """End the current wait, or the next one."""
        with self._lock:
            if not self._closed:
                os.eventfd_write(self.descriptor, 1)

    def wait(self, seconds: float | None) -> None:
        """Wait until it is set, or for this long."""
        waiting = poll()
        waiting.register(self.descriptor, POLLIN)
        waiting.poll(None if seconds is None else seconds * 1e3)

    def clear(self) -> None:
        """Forget that it was set."""
        with suppress(BlockingIOError):  # it was not
            os.eventfd_read(self.descriptor)

    def close(self) -> None:
        """Release the descriptor; `set` does nothing any more."""
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self.descriptor)
