"""One file of a recording."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path

from pipeline.packets.packet import HERTZ, EncodedPacket, PacketFormat
from pipeline.packets.writer import PacketWriter, WriteError
from pipeline.sinks.output_lock import open_locked

log = logging.getLogger("framelane")


class Segment:
    """A file that begins with a keyframe; it grows under its final name, locked.

    began_at, ended_at: capture of the first and of the last packet, in seconds since 1970
    Raises WriteError if it cannot be created.
    """

    def __init__(self, path: Path, packets: PacketFormat, began_at: float) -> None:
        self.path = path
        self.began_at = self.ended_at = began_at
        self.received = 0  # packets
        self.safe = 0  # packets that are in the file although it breaks off now
        self._first: EncodedPacket | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = open_locked(path)
        except OSError as error:
            raise WriteError(f"cannot write '{path}': {error.strerror}") from error
        self.writer = PacketWriter(path, packets)

    def write(self, packet: EncodedPacket, captured_at: float) -> None:
        """Write a packet; raises WriteError."""
        self._first = self._first or packet
        self.ended_at = max(self.ended_at, captured_at)
        self.received += 1
        before = self.writer.written
        self.writer.write(packet)
        if packet.keyframe and packet.track == 0:
            self.safe = before  # the group of pictures before is on its way to the disk

    def seconds(self, packet: EncodedPacket) -> float:
        """Return how long the segment is up to a packet."""
        return (packet.ticks - self._first.ticks) / HERTZ if self._first else 0.0

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return self.path.stat().st_size if self.path.exists() else 0

    def complete(self) -> None:
        """Close the file. Raises WriteError, and is then to be abandoned."""
        self.writer.close()
        self.safe = self.writer.written
        os.close(self._lock)

    def abandon(self) -> None:
        """Close the file as it is, and rename it to say so."""
        with suppress(WriteError):
            self.writer.close()
        incomplete = self.path.with_suffix(f".incomplete{self.path.suffix}")
        try:
            self.path.replace(incomplete)
        except OSError as error:  # the first failure matters more
            log.warning("'%s' is incomplete, and keeps its name: %s", self.path, error.strerror)
        os.close(self._lock)
