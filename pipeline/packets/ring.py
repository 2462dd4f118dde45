"""The latest packets of a stream in memory, for what turns out later to be wanted."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple

from pipeline.packets.packet import HERTZ, EncodedPacket, PacketFormat
from pipeline.packets.tap import NO_KEYFRAME, Tapped

MAX_BYTES = 64 << 20  # half a minute of 16 Mbit/s
TOO_LARGE = "a group of pictures is larger than the ring"


class Kept(NamedTuple):
    """A packet of a ring, and the format of its connection."""

    format: PacketFormat
    packet: EncodedPacket


@dataclass(slots=True)
class _Group:
    """A keyframe and the packets up to the next one.

    first: number of its first packet in the ring; start: ticks of the keyframe
    """

    format: PacketFormat
    first: int
    start: int
    packets: list[EncodedPacket] = field(default_factory=list)
    bytes: int = 0

    @property
    def next(self) -> int:
        """The number after its last packet."""
        return self.first + len(self.packets)


class Ring:
    """Keeps the last seconds of a tap's packets, in whole groups of pictures.

    It keeps the group that holds the moment `seconds` before the newest packet, and all that
    follow: `seconds` and at most one group more. What its readers still have to read is kept as
    well. The limit in bytes goes before both.

    The source's thread puts packets in; other threads read. Neither waits for more than the copying
    of some references.

    left_out: packets that no reader can get, by reason
    """

    def __init__(self, name: str, seconds: float, max_bytes: int = MAX_BYTES) -> None:
        self.name = name
        self.accepted = 0  # packets
        self.left_out: Counter[str] = Counter()
        self.bytes = 0
        self._next = 0  # number of the next packet
        self._ticks = round(seconds * HERTZ)
        self._max_bytes = max_bytes
        self._lock = Lock()
        self._format: PacketFormat | None = None
        self._skipping = NO_KEYFRAME  # why packets are left out; empty: they are not
        self._groups: deque[_Group] = deque()
        self._newest = 0  # ticks
        self._dropped: tuple[int, str] | None = None  # up to which ticks groups are gone, and why
        self._readers: list[RingReader] = []
        self._closed = False

    def put(self, item: Tapped) -> None:
        """Add a packet, or begin another connection; never waits."""
        with self._lock:
            if self._closed:
                return
            if isinstance(item, EncodedPacket):
                self._add(item)
                return
            self._format = item if isinstance(item, PacketFormat) else None
            self._skipping = NO_KEYFRAME

    def close(self) -> None:
        """End the stream; what is kept can still be read."""
        with self._lock:
            self._closed = True

    @property
    def format(self) -> PacketFormat | None:
        """The format of the current connection, else of the newest packet; None before both."""
        with self._lock:
            return self._format or (self._groups[-1].format if self._groups else None)

    @property
    def seconds(self) -> float:
        """How far the packets reach back."""
        with self._lock:
            return (self._newest - self._groups[0].start) / HERTZ if self._groups else 0.0

    def read_from(self, ticks: int) -> RingReader:
        """Return a reader that begins at the keyframe at or before `ticks`, or at the oldest."""
        with self._lock:
            begin = next((each for each in reversed(self._groups) if each.start <= ticks), None)
            begin = begin or (self._groups[0] if self._groups else None)
            why = None
            if self._dropped and ticks < self._dropped[0]:
                why = self._dropped[1]
            reader = RingReader(self, begin.first if begin else self._next, why)
            self._readers.append(reader)
            return reader

    def _add(self, packet: EncodedPacket) -> None:
        if packet.keyframe and packet.track == 0 and self._format:
            self._skipping = ""
            self._groups.append(_Group(self._format, self._next, packet.ticks))
        if self._skipping:
            self.left_out[self._skipping] += 1
            return
        group = self._groups[-1]
        group.packets.append(packet)
        group.bytes += len(packet.data)
        self.bytes += len(packet.data)
        self.accepted += 1
        self._next += 1
        self._newest = max(packet.ticks, self._newest)
        self._forget_old()
        self._forget_large()

    def _forget_old(self) -> None:
        """Remove groups that are over before the time that is kept, and that were read."""
        limit = self._newest - self._ticks
        while len(self._groups) > 1 and self._groups[1].start <= limit:
            if any(each.position < self._groups[0].next for each in self._readers):
                return
            self._forget("it was noted too late")

    def _forget_large(self) -> None:
        while self.bytes > self._max_bytes and len(self._groups) > 1:
            self._forget(self._full)
        if self.bytes > self._max_bytes:
            self.left_out[TOO_LARGE] += len(self._groups[0].packets)
            self.accepted -= len(self._groups[0].packets)
            self._forget(self._full)
            self._skipping = TOO_LARGE

    @property
    def _full(self) -> str:
        return f"the ring holds {self._max_bytes / (1 << 20):.3g} MiB"

    def _forget(self, why: str) -> None:
        group = self._groups.popleft()
        self.bytes -= group.bytes
        end = self._groups[0].start if self._groups else self._newest + 1
        self._dropped = (end, why)

    def _read(self, reader: RingReader, count: int) -> tuple[list[Kept], bool]:
        """Return up to `count` packets, and whether more can follow; move the reader on."""
        with self._lock:
            first = self._groups[0].first if self._groups else self._next
            reader.lost += max(0, first - reader.position)
            reader.position = max(first, reader.position)
            found: list[Kept] = []
            for group in self._groups:
                begin = reader.position - group.first
                if 0 <= begin < len(group.packets) and len(found) < count:
                    new = group.packets[begin : begin + count - len(found)]
                    found += (Kept(group.format, packet) for packet in new)
                    reader.position += len(new)
            self._forget_old()
            return found, not self._closed or reader.position < self._next

    def _release(self, reader: RingReader) -> None:
        with self._lock:
            if reader in self._readers:
                self._readers.remove(reader)
                self._forget_old()


class RingReader:
    """Reads on from one packet; used by one thread. What it has not read stays in the ring.

    cut: why the ring does not reach back as far as was wanted; None: it does, or the stream began
        later
    lost: packets that the ring has dropped before they were read
    position: number of the next packet
    """

    def __init__(self, ring: Ring, position: int, cut: str | None) -> None:
        self.cut = cut
        self.lost = 0
        self.position = position
        self._ring = ring

    def read(self, count: int) -> tuple[list[Kept], bool]:
        """Return the next packets, `count` at most, and whether more can follow."""
        return self._ring._read(self, count)

    def close(self) -> None:
        """Let the ring drop what was not read. May be repeated."""
        self._ring._release(self)
