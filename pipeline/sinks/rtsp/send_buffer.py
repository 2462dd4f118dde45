"""Bytes to a peer that may be slow, or gone: the sender never waits."""

from __future__ import annotations

import socket
from collections import deque
from time import monotonic

KERNEL_BYTES = 1 << 18  # that the system may hold: it would hold megabytes, seconds of old video
AT_ONCE = 1 << 16  # bytes offered to the system in one call


class SendBuffer:
    """The sending end of a connected socket.

    timeout: seconds without progress after which the peer counts as gone
    """

    def __init__(self, connection: socket.socket, timeout: float) -> None:
        self._socket = connection
        self._timeout = timeout
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
        self._waiting: deque[memoryview] = deque()
        self._progress_at = monotonic()
        self.backlog = 0  # bytes that are not yet with the system

    def send(self, data: bytes) -> None:
        """Take bytes, and send what can be sent. Raises OSError where the peer is gone."""
        if not self._waiting:
            self._progress_at = monotonic()
        self._waiting.append(memoryview(data))
        self.backlog += len(data)
        self.flush()

    def flush(self) -> None:
        """Send what can be sent. Raises OSError where the peer is gone."""
        while self._waiting:
            try:
                sent = self._socket.send(self._waiting[0][:AT_ONCE])
            except BlockingIOError:
                break
            self._progress_at = monotonic()
            self.backlog -= sent
            rest = self._waiting[0][sent:]
            if rest:
                self._waiting[0] = rest
            else:
                self._waiting.popleft()
        if self._waiting and monotonic() - self._progress_at > self._timeout:
            raise TimeoutError(f"nothing was taken for {self._timeout:g} s")

    def received(self) -> bytes:
        """Return what the peer has said meanwhile. Raises OSError where it has hung up."""
        said = b""
        while True:
            try:
                part = self._socket.recv(AT_ONCE)
            except BlockingIOError:
                return said
            if not part:
                raise ConnectionResetError("the peer has hung up")
            said += part
