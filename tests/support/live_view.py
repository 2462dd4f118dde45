"""A viewer of the live view: a WebSocket client that keeps what it was sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.support.cameras import CAP


class Watcher:
    """Reads a live view; `texts` are the messages of text, `binary` the others, in order."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.texts: list[dict[str, Any]] = []
        self.binary: list[bytes] = []

    def read(self) -> dict[str, Any] | bytes:
        """Return the next message."""
        message = self._connection.recv(timeout=CAP)
        if isinstance(message, str):
            content: dict[str, Any] = json.loads(message)
            self.texts.append(content)
            return content
        self.binary.append(message)
        return message

    def until(self, kind: str) -> dict[str, Any]:
        """Read up to the next text message of a kind, and return it."""
        while True:
            message = self.read()
            if isinstance(message, dict) and message["type"] == kind:
                return message

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the text messages of a kind so far."""
        return [text for text in self.texts if text["type"] == kind]


@contextmanager
def watching(port: int, camera: str, query: str = "", **options: Any) -> Iterator[Watcher]:
    """Look at a camera."""
    url = f"ws://127.0.0.1:{port}/api/v1/cameras/{camera}/live{query}"
    with connect(url, open_timeout=CAP, max_size=None, compression=None, **options) as connection:
        yield Watcher(connection)
