"""A signal that a poll() waits for beside a socket."""

from __future__ import annotations

import os
from contextlib import suppress
from select import POLLIN, poll
from threading import Lock


class Wake:
    """Set on any thread; waited for and cleared on one. It takes a descriptor when it is used."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._is_set = False
        self._descriptor: int | None = None

    @property
    def descriptor(self) -> int:
        """Readable while it is set."""
        with self._lock:
            if self._descriptor is None:
                flags = os.EFD_NONBLOCK | os.EFD_CLOEXEC
                self._descriptor = os.eventfd(int(self._is_set), flags)
            return self._descriptor

    def set(self) -> None:
        """End the current wait, or the next one."""
        with self._lock:
            self._is_set = True
            if self._descriptor is not None:
                os.eventfd_write(self._descriptor, 1)

    def wait(self, seconds: float | None) -> None:
        """Wait until it is set, or for this long."""
        waiting = poll()
        waiting.register(self.descriptor, POLLIN)
        waiting.poll(None if seconds is None else seconds * 1e3)

    def clear(self) -> None:
        """Forget that it was set."""
        with self._lock, suppress(BlockingIOError):  # it was not
            self._is_set = False
            if self._descriptor is not None:
                os.eventfd_read(self._descriptor)

    def close(self) -> None:
        """Release the descriptor."""
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None
