"""A named pipe as a file object whose reader can time out and be stopped."""

from __future__ import annotations

import os
from pathlib import Path
from select import POLLIN, poll
from threading import Event
from time import monotonic

_POLL_SECONDS = 0.1  # between two checks for a stop: poll() cannot wait for an Event


class PipeReader:
    """The bytes of a pipe, as FFmpeg reads them.

    Opening does not wait. Reading waits for a writer, at most `timeout` seconds. When the last
    writer closes the pipe, the file ends.
    """

    def __init__(self, path: Path, timeout: float, stopped: Event) -> None:
        self.name = str(path)
        self._timeout = timeout
        self._stopped = stopped
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._poll = poll()
        self._poll.register(self._descriptor, POLLIN)
        self._had_writer = False  # before the first writer, no bytes do not mean the end

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes, none at the end. Raises TimeoutError."""
        deadline = monotonic() + self._timeout
        while not self._stopped.is_set():
            events = self._poll.poll(_POLL_SECONDS * 1e3)
            if any(event & POLLIN for _, event in events):
                self._had_writer = True
                return os.read(self._descriptor, size)
            if events and self._had_writer:
                return b""  # only a hang-up: the writer has closed the pipe
            if monotonic() > deadline:
                raise TimeoutError(f"nothing was written for {self._timeout:g} s")
            if events:
                self._stopped.wait(_POLL_SECONDS)  # poll() reports a hang-up at once, every time
        return b""

    def close(self) -> None:
        """Close the pipe."""
        os.close(self._descriptor)
