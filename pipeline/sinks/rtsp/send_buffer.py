"""Bytes to a peer that may be slow or gone, sent without ever waiting."""

from __future__ import annotations

import socket
from collections import deque
from time import monotonic

KERNEL_BYTES = 1 << 18  # of send buffer: the default would hold megabytes, seconds of old video
CHUNK_BYTES = 1 << 16  # offered to the kernel in one call
MAX_RECEIVED = 1 << 16  # bytes taken from the peer in one call


class SendBuffer:
    """The sending side of a connected socket.

    timeout: seconds without progress after which the peer counts as gone
    """

    def __init__(self, connection: socket.socket, timeout: float) -> None:
        self._socket = connection
        self._timeout = timeout
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
        self._waiting: deque[memoryview] = deque()
        self._progress_at = monotonic()
        self.backlog = 0  # bytes that the kernel has not accepted yet

    def send(self, data: bytes) -> None:
        """Add bytes, and send as many as the kernel accepts. Raises OSError if the peer is gone."""
        if not self._waiting:
            self._progress_at = monotonic()
        self._waiting.append(memoryview(data))
        self.backlog += len(data)
        self.flush()

    def flush(self) -> None:
        """Send as many bytes as the kernel accepts. Raises OSError if the peer is gone."""
        while self._waiting:
            try:
                sent = self._socket.send(self._waiting[0][:CHUNK_BYTES])
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
            raise TimeoutError(f"nothing was accepted for {self._timeout:g} s")

    def received(self) -> bytes:
        """Return bytes that the peer has sent. Raises OSError if it has hung up.

        One call takes at most MAX_RECEIVED bytes: a peer that floods us waits for its own sending.
        """
        data = b""
        while len(data) < MAX_RECEIVED:
            try:
                part = self._socket.recv(MAX_RECEIVED - len(data))
            except BlockingIOError:
                break
            if not part:
                raise ConnectionResetError("the peer has closed the connection")
            data += part
        return data
