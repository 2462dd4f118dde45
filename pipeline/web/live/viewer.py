"""What waits to be sent to one viewer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock

MAX_BYTES = 4 << 20  # that wait for one viewer; some seconds of a camera, more than MAX_GROUP


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
        self._add(messages)
        _wake_all(self._loop, (self,))

    def close(self) -> None:
        """End: what waits is still sent."""
        with self._lock:
            self._closed = True
        _wake_all(self._loop, (self,))

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

    def _add(self, messages: tuple[Message, ...]) -> None:
        with self._lock:
            if self._closed or not self._accepts(messages):
                self.left_out += len(messages)
                return
            self._waiting.extend(messages)
            self._bytes += sum(len(message.data) for message in messages)

    def _accepts(self, messages: tuple[Message, ...]) -> bool:
        if self._bytes + sum(len(message.data) for message in messages) > self._max_bytes:
            self.left_out += len(self._waiting)
            self._waiting.clear()
            self._bytes = 0
            self._needs_keyframe = True
        if any(message.keyframe for message in messages):
            self._needs_keyframe = False
        return not (self._needs_keyframe and any(message.needs_last for message in messages))


def put_for_all(viewers: Sequence[Viewer], *messages: Message) -> None:
    """Like `put` for each of the viewers of one event loop, which is woken once for all of them."""
    for viewer in viewers:
        viewer._add(messages)
    if viewers:
        _wake_all(viewers[0]._loop, viewers)


def _wake_all(loop: asyncio.AbstractEventLoop, viewers: Sequence[Viewer]) -> None:
    def wake() -> None:
        for viewer in viewers:
            viewer._changed.set()

    with suppress(RuntimeError):  # the server has ended
        loop.call_soon_threadsafe(wake)
