"""A bounded hand-off between two threads; the end of a stream is a state, never an item."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from enum import Enum
from threading import Condition
from time import monotonic
from typing import Generic, TypeVar

from pipeline.runtime.stats import ChannelStats

T = TypeVar("T")


class Overflow(Enum):
    """What a full channel does with one more item."""

    BLOCK = "block"  # the sender waits: nothing is lost (files, recorders)
    DROP_OLDEST = "drop oldest"  # the oldest item makes room: nothing waits (cameras, viewers)


class EndOfStream(Exception):
    """The sender closed the channel, and everything in it was received."""


class Cancelled(Exception):
    """The run, or this stream, was ended; nothing more passes."""


class UpstreamFailed(Exception):
    """What was sent arrived, but the sender broke off: the stream is not complete."""


class Channel(Generic[T]):
    """Items in order, at most `capacity` of them, from one thread to another.

    An item belongs to the channel from the call of `send` on: it is received, or dropped by the
    overflow policy (`on_drop`) or for its age (`on_expire`), or discarded by `cancel`
    (`on_discard`). Never two of these, never none. The callbacks run on the thread that caused
    them, without the channel's lock; `on_expire` with it, so that it must not use a channel.

    Several channels may share one condition, so that one thread can wait for any of them.
    """

    def __init__(
        self,
        name: str,
        capacity: int,
        overflow: Overflow = Overflow.BLOCK,
        *,
        on_drop: Callable[[T], None] = lambda item: None,
        on_discard: Callable[[T], None] = lambda item: None,
        on_expire: Callable[[T], None] = lambda item: None,
        changed: Condition | None = None,
    ) -> None:
        assert capacity > 0, f"channel '{name}' needs room for an item"
        self.name = name
        self.capacity = capacity
        self.overflow = overflow
        self.stats = ChannelStats()
        self._on_drop = on_drop
        self._on_discard = on_discard
        self._on_expire = on_expire
        self._changed = changed or Condition()
        self._items: deque[tuple[float, T]] = deque()
        self._closed = False
        self._cancelled = False
        self._failure: BaseException | None = None

    def __len__(self) -> int:
        return len(self._items)

    def send(self, item: T) -> None:
        """Hand `item` on, by the overflow policy where there is no room.

        Raises Cancelled, after discarding the item.
        """
        called_at = monotonic()
        dropped: T | None = None
        with self._changed:
            assert not self._closed, f"'{self.name}' was closed by its sender"
            if self.overflow is Overflow.BLOCK:
                self._changed.wait_for(lambda: self._cancelled or self._has_room)
            elif not self._has_room:
                dropped = self._items.popleft()[1]
                self.stats.dropped += 1
            cancelled = self._cancelled
            if not cancelled:
                self._items.append((called_at, item))
                self.stats.sent += 1
                self._changed.notify_all()
        if dropped is not None:
            self._on_drop(dropped)
        if cancelled:
            self._on_discard(item)
            raise Cancelled(self.name)

    def receive(self) -> T:
        """Wait for the oldest item and take it.

        Raises EndOfStream once a closed channel is empty (UpstreamFailed if its sender broke
        off), and Cancelled.
        """
        called_at = monotonic()
        with self._changed:
            self._changed.wait_for(lambda: self.ready)
            self.stats.received_after(monotonic() - called_at)
            return self.take()

    def take(self) -> T:
        """Take the oldest item without waiting, while holding the condition.

        Raises as `receive` does; `ready` tells beforehand whether there is an item or an end.
        """
        if self._cancelled:
            raise Cancelled(self.name)
        if not self._items:
            if self._failure is not None:
                raise UpstreamFailed(self.name) from self._failure
            raise EndOfStream
        sent_at, item = self._items.popleft()
        self.stats.queued.record(monotonic() - sent_at)
        self._changed.notify_all()
        return item

    def shed(self, wanted: Callable[[T], bool]) -> None:
        """Drop the oldest items for as long as nobody wants them, while holding the condition."""
        while self._items and not wanted(self._items[0][1]):
            _, item = self._items.popleft()
            self.stats.dropped += 1
            self._on_expire(item)
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        """Receive until the end of the stream."""
        while True:
            try:
                item = self.receive()
            except EndOfStream:
                return
            yield item

    def close(self, failure: BaseException | None = None) -> None:
        """End the stream: what was sent is still received, then the end, or the failure."""
        with self._changed:
            self._closed = True
            self._failure = failure
            self._changed.notify_all()

    def cancel(self) -> None:
        """Wake both sides with Cancelled and discard what is inside. May be called twice."""
        with self._changed:
            self._cancelled = True
            items = [item for _, item in self._items]
            self._items.clear()
            self._changed.notify_all()
        for item in items:
            self._on_discard(item)

    @property
    def ready(self) -> bool:
        """Whether `take` has something to say: an item, the end, or that it was cancelled."""
        return bool(self._items) or self._closed or self._cancelled

    @property
    def _has_room(self) -> bool:
        return len(self._items) < self.capacity
