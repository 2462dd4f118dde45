"""What waits to be sent to one viewer."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock

MAX_BYTES = 4 << 20  # that wait for one viewer; some seconds of a camera


@dataclass(frozen=True, slots=True)
class Message:
    """A text or binary message.

    keyframe: a decoder can begin here; needs_last: it is of no use without the one before
    """

    data: str | bytes
    keyframe: bool = False
    needs_last: bool = False


class Viewer:
    """A bounded queue from the threads of a camera to the event loop.

    A viewer that does not keep up loses whole groups of pictures, and everything that waited.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, max_bytes: int = MAX_BYTES) -> None:
        self.left_out = 0  # messages
        self._loop = loop
        self._max_bytes = max_bytes
        self._lock = Lock()
        self._waiting: deque[Message] = deque()
        self._bytes = 0
        self._needs_keyframe = True
        self._closed = False
        self._changed = asyncio.Event()

    def put(self, *messages: Message) -> None:
        """Add messages that belong together, or leave them out; any thread, never waits."""
        with self._lock:
            if self._closed or not self._accepts(messages):
                self.left_out += len(messages)
                return
            self._waiting.extend(messages)
            self._bytes += sum(len(message.data) for message in messages)
        self._wake()

    def close(self) -> None:
        """End: what waits is still sent."""
        with self._lock:
            self._closed = True
        self._wake()

    async def next(self) -> Message | None:
        """Return the next message, None at the end."""
        while True:
            with self._lock:
                if self._waiting:
                    message = self._waiting.popleft()
                    self._bytes -= len(message.data)
                    return message
                if self._closed:
                    return None
                self._changed.clear()
            await self._changed.wait()

    def _accepts(self, messages: tuple[Message, ...]) -> bool:
        if self._bytes + sum(len(message.data) for message in messages) > self._max_bytes:
            self.left_out += len(self._waiting)
            self._waiting.clear()
            self._bytes = 0
            self._needs_keyframe = True
        if any(message.keyframe for message in messages):
            self._needs_keyframe = False
        return not (self._needs_keyframe and any(message.needs_last for message in messages))

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the server has ended
            self._loop.call_soon_threadsafe(self._changed.set)
