"""A named pipe as a file whose reader never hangs: it has a time-out, and can be stopped."""

from __future__ import annotations

import os
from pathlib import Path
from select import POLLIN, poll
from threading import Event
from time import monotonic

_LOOK_SECONDS = 0.1  # between two looks at whether to stop: poll() cannot wait for an Event


class PipeReader:
    """The bytes of a pipe, as FFmpeg reads them.

    Opening waits for nobody; reading waits for a writer, at most `timeout` seconds. The end of the
    last writer is the end of the file.
    """

    def __init__(self, path: Path, timeout: float, stopped: Event) -> None:
        self.name = str(path)
        self._timeout = timeout
        self._stopped = stopped
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._poll = poll()
        self._poll.register(self._descriptor, POLLIN)
        self._written = False  # there was a writer: before, no bytes are no end

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes, none at the end. Raises TimeoutError."""
        deadline = monotonic() + self._timeout
        while not self._stopped.is_set():
            events = self._poll.poll(_LOOK_SECONDS * 1e3)
            if any(event & POLLIN for _, event in events):
                self._written = True
                return os.read(self._descriptor, size)
            if events and self._written:
                return b""  # only a hang-up: the writer has gone
            if monotonic() > deadline:
                raise TimeoutError(f"nothing was written for {self._timeout:g} s")
            if events:
                self._stopped.wait(_LOOK_SECONDS)  # a hang-up is reported at once, again and again
        return b""

    def close(self) -> None:
        """Close the pipe."""
        os.close(self._descriptor)
