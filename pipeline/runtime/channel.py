"""A bounded queue between two threads; the end of a stream is a state, never an item."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from enum import Enum
from threading import Condition
from time import monotonic
from typing import Generic, TypeVar

from pipeline.runtime.stats import ChannelStats, Histogram

T = TypeVar("T")


class Overflow(Enum):
    """What `send` does when the channel is full."""

    BLOCK = "block"  # wait for room: nothing is lost (files, recorders)
    DROP_OLDEST = "drop oldest"  # drop the oldest item: nothing waits (cameras, viewers)


class EndOfStream(Exception):
    """The sender closed the channel, and every item was received."""


class Cancelled(Exception):
    """The run or this stream was cancelled; the channel passes no more items."""


class UpstreamFailed(Exception):
    """Every item that was sent was received, but the sender failed: the stream is incomplete."""


class Channel(Generic[T]):
    """At most `capacity` items, in order, from one sending thread to one receiving thread.

    `send` hands an item over to the channel. From then on exactly one thing happens to it: it is
    received, dropped by the overflow policy (`on_drop`), dropped for its age (`on_expire`), or
    discarded by `cancel` (`on_discard`). Each callback runs on the thread that caused it.
    `on_expire` runs with the channel locked, so it must not use a channel; the others do not.

    Channels may share a condition, so that one thread can wait for any of them, and with it the
    distribution `queued` of waiting times. The condition's lock must be re-entrant, as by default:
    a thread that holds the condition may call `ready`, `expire` and `receive_nowait` in a row, and
    the channel does not change in between.
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
        queued: Histogram | None = None,
    ) -> None:
        assert capacity > 0, f"channel '{name}' needs room for an item"
        self.name = name
        self.capacity = capacity
        self.overflow = overflow
        self.stats = ChannelStats(queued=queued or Histogram())
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

    @property
    def ready(self) -> bool:
        """Whether there is an item or an end, so that `receive` would not wait."""
        return bool(self._items) or self._closed or self._cancelled

    @property
    def first(self) -> T | None:
        """The oldest item, which stays in the channel; None if there is none."""
        with self._changed:
            return self._items[0][1] if self._items else None

    def send(self, item: T) -> None:
        """Hand `item` over; if the channel is full, follow the overflow policy.

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
        """Wait for the oldest item and take it out.

        Raises EndOfStream when a closed channel is empty (UpstreamFailed if its sender failed),
        and Cancelled.
        """
        called_at = monotonic()
        with self._changed:
            self._changed.wait_for(lambda: self.ready)
            self.stats.received_after(monotonic() - called_at)
            return self.receive_nowait()

    def receive_nowait(self) -> T:
        """Take out the oldest item of a channel that is `ready`; raises as `receive` does."""
        with self._changed:
            assert self.ready, f"'{self.name}' has no item and no end yet: ask `ready` first"
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

    def expire(self, is_fresh: Callable[[T], bool]) -> None:
        """Drop items from the front until one `is_fresh`."""
        with self._changed:
            while self._items and not is_fresh(self._items[0][1]):
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
        """End the stream: the receiver gets the items that were sent, then the end or failure."""
        with self._changed:
            self._closed = True
            self._failure = failure
            self._changed.notify_all()

    def cancel(self) -> None:
        """Wake both sides with Cancelled and discard all items. May be called twice."""
        with self._changed:
            self._cancelled = True
            items = [item for _, item in self._items]
            self._items.clear()
            self._changed.notify_all()
        for item in items:
            self._on_discard(item)

    @property
    def _has_room(self) -> bool:
        return len(self._items) < self.capacity
