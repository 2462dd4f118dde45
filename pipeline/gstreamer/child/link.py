"""The socket to the parent, and the messages on it."""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
from typing import NoReturn

HEADER = struct.Struct(">cI")
READ_BYTES = 1 << 18
CHECK_SECONDS = 1  # between two looks whether the parent is still there


class Link:
    """The socket to the parent; several threads send."""

    def __init__(self, number: int, parent: int) -> None:
        self.socket = socket.socket(fileno=number)
        self.parent = parent
        self.socket.setsockopt(
            socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", CHECK_SECONDS, 0)
        )
        self.received = bytearray()
        self.sending = threading.Lock()
        self.gathered = b""  # messages that go with the next one

    def gather(self, kind: bytes, content: bytes) -> None:
        """Send a message with the next one, which is to follow soon: the parent wakes up once."""
        with self.sending:
            self.gathered += HEADER.pack(kind, len(content)) + content

    def send(self, kind: bytes, content: bytes = b"", descriptor: int | None = None) -> None:
        """Send a message, and a descriptor with it."""
        message = HEADER.pack(kind, len(content)) + content
        with self.sending:
            message, self.gathered = self.gathered + message, b""
            try:
                if descriptor is not None:
                    sent = socket.send_fds(self.socket, [message], [descriptor])
                    message = message[sent:]
                self.socket.sendall(message)
            except OSError:
                os._exit(0)  # the parent has gone

    def send_json(self, kind: bytes, descriptor: int | None = None, **content: object) -> None:
        """Send a message in JSON."""
        self.send(kind, json.dumps(content).encode(), descriptor)

    def fail(self, text: str) -> NoReturn:
        """Say why nothing more will come, and end."""
        self.send_json(b"E", text=text)
        os._exit(1)

    def receive(self) -> tuple[bytes, bytes]:
        """Return the next message; its end is that of the process."""
        self.await_bytes(HEADER.size)
        kind, size = HEADER.unpack_from(self.received)
        end = HEADER.size + size
        self.await_bytes(end)
        content = bytes(memoryview(self.received)[HEADER.size : end])
        del self.received[:end]
        return kind, content

    def await_bytes(self, count: int) -> None:
        """Read until so many bytes are there."""
        while len(self.received) < count:
            try:
                more = self.socket.recv(READ_BYTES)
            except BlockingIOError:  # nothing came for a while
                if os.getppid() != self.parent:
                    os._exit(0)
                continue
            except OSError:
                more = b""
            if not more:
                os._exit(0)
            self.received += more
