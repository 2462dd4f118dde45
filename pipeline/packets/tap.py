"""A tap on the packets of one stream: each subscriber has a bounded queue of its own."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Condition, Lock
from time import monotonic
from typing import Protocol, TypeAlias

from pipeline.frames.frame import Unnumbered
from pipeline.packets.current_group import CurrentGroup
from pipeline.packets.packet import EncodedPacket, PacketFormat
from pipeline.runtime.stats import ChannelStats

NO_KEYFRAME = "before the first keyframe"
OVERFLOW = "overflow"


@dataclass(frozen=True, slots=True)
class ConnectionEnded(Unnumbered):
    """No more packets of this connection follow; another format may."""


Tapped: TypeAlias = EncodedPacket | PacketFormat | ConnectionEnded


class Subscriber(Protocol):
    """What a tap puts packets into.

    accepted: packets; left_out: packets, by reason
    """

    name: str
    accepted: int
    left_out: Counter[str]

    def put(self, item: Tapped) -> None:
        """Take an item, or leave it out; must not wait."""

    def close(self) -> None:
        """End the stream."""


class PacketQueue:
    """The packets that wait for one subscriber; its stage reads it as an inbox.

    When it is full, packets up to the next keyframe are left out, and counted. So a subscriber
    always gets whole groups of pictures. It begins with a keyframe.

    max_bytes: of the packets that wait
    """

    def __init__(self, name: str, max_bytes: int) -> None:
        self.name = name
        self.stats = ChannelStats()
        self.accepted = 0  # packets
        self.left_out: Counter[str] = Counter()  # packets, by reason
        self._max_bytes = max_bytes
        self._items: deque[tuple[Tapped, float]] = deque()
        self._bytes = 0
        self._changed = Condition(Lock())
        self._skipping = NO_KEYFRAME  # why packets are left out; empty: they are not
        self._closed = False
        self._cancelled = False

    def put(self, item: Tapped) -> None:
        """Add an item, or leave it out; never waits."""
        with self._changed:
            if self._closed or self._cancelled:
                return
            if isinstance(item, EncodedPacket):
                if not self._accepts(item):
                    self.left_out[self._skipping] += 1
                    return
                self.accepted += 1
                self._bytes += len(item.data)
            else:
                self._skipping = NO_KEYFRAME
                if self._forgets(item):
                    return
            self._items.append((item, monotonic()))
            self._changed.notify()

    def close(self) -> None:
        """End the stream: what waits is still delivered."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def cancel(self) -> None:
        """End now; what waits is thrown away. The subscriber's runner calls it."""
        with self._changed:
            self._cancelled = True
            self._items.clear()
            self._bytes = 0
            self._changed.notify()

    def __iter__(self) -> Iterator[Tapped]:
        """Receive until the end of the stream."""
        while True:
            began_at = monotonic()
            with self._changed:
                while not (self._items or self._closed or self._cancelled):
                    self._changed.wait()
                if not self._items:
                    return
                item, put_at = self._items.popleft()
                if isinstance(item, EncodedPacket):
                    self._bytes -= len(item.data)
            now = monotonic()
            self.stats.receive_waits += now - began_at
            self.stats.queued.record(now - put_at)
            yield item

    def _forgets(self, item: PacketFormat | ConnectionEnded) -> bool:
        """Remove connections of which no packet waits, so that they cannot fill a stalled queue."""
        if not self._items or isinstance(self._items[-1][0], EncodedPacket):
            return False
        if isinstance(self._items[-1][0], PacketFormat):
            self._items.pop()
        return isinstance(item, ConnectionEnded) and self._ended_last()

    def _ended_last(self) -> bool:
        return bool(self._items) and isinstance(self._items[-1][0], ConnectionEnded)

    def _accepts(self, packet: EncodedPacket) -> bool:
        fits = self._bytes + len(packet.data) <= self._max_bytes
        if self._skipping and packet.keyframe and packet.track == 0 and fits:
            self._skipping = ""
        elif not self._skipping and not fits:
            self._skipping = OVERFLOW
        return not self._skipping


class Tap:
    """Where a source puts its packets, as they were demuxed; on the source's thread.

    Subscribers may come and go on any thread. One that comes late begins with the current format,
    and with the packets since the last keyframe if these are kept.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._queues: list[Subscriber] = []
        self._format: PacketFormat | None = None
        self._group: CurrentGroup | None = None
        self._closed = False

    def keep_group(self, max_bytes: int) -> None:
        """Keep the packets since the last keyframe for who comes late, unless they are larger."""
        with self._lock:
            self._group = CurrentGroup(max_bytes)

    def subscribe(self, name: str, max_bytes: int) -> PacketQueue:
        """Return a new queue, which holds at most `max_bytes` of packets."""
        queue = PacketQueue(name, max_bytes)
        self.attach(queue)
        return queue

    def attach(self, subscriber: Subscriber) -> None:
        """Add a subscriber of another kind than a queue."""
        with self._lock:
            self._queues.append(subscriber)
            if self._format:
                subscriber.put(self._format)
            for packet in self._group.packets if self._group else ():
                subscriber.put(packet)
            if self._closed:
                subscriber.close()

    def unsubscribe(self, queue: PacketQueue) -> None:
        """Remove a queue; its reader ends."""
        queue.cancel()
        with self._lock:
            self._queues.remove(queue)

    @property
    def wanted(self) -> bool:
        """Whether packets are kept or have a subscriber; else they need not be copied."""
        return bool(self._queues or self._group)

    @property
    def queues(self) -> list[Subscriber]:
        """The current subscribers."""
        with self._lock:
            return list(self._queues)

    def connected(self, packets: PacketFormat) -> None:
        """Begin a connection; its packets follow."""
        with self._lock:
            self._format = packets
            if self._group:
                self._group.clear()
            self._put(packets)

    def put(self, packet: EncodedPacket) -> None:
        """Hand a packet to all subscribers; never waits."""
        with self._lock:
            if self._group:
                self._group.add(packet)
            self._put(packet)

    def disconnected(self) -> None:
        """End the connection, if there is one."""
        with self._lock:
            if self._format:
                self._format = None
                if self._group:
                    self._group.clear()
                self._put(ConnectionEnded())

    def close(self) -> None:
        """End the stream."""
        with self._lock:
            self._closed = True
            for queue in self._queues:
                queue.close()

    def _put(self, item: Tapped) -> None:
        for queue in self._queues:
            queue.put(item)
