"""The file of one clip, which gets its name when it is complete."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from pipeline.clips.footage import ClipError
from pipeline.events.sidecar import Sidecar, sidecar_path, write_sidecar
from pipeline.packets.packet import HERTZ, EncodedPacket, PacketFormat
from pipeline.packets.ring import Kept
from pipeline.packets.writer import PacketWriter, WriteError

PART = ".part"  # at the end of the name of a file that is not complete
OTHER_FORMAT = "the camera's format has changed"


def part_of(path: Path) -> Path:
    """Return the name of a file while it is written."""
    return path.with_name(path.name + PART)


class ClipFile:
    """Copies packets into a file. Times: seconds on the clock of the stream's frames.

    path: its final name
    start: of the first picture; end: after the last one. None while it has none
    away: seconds without packets at lost connections
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.away = 0.0
        self._part = part_of(path)
        self._writer: PacketWriter | None = None
        self._format: PacketFormat | None = None
        self._start = self._end = 0  # ticks
        self._last = 0  # ticks of the last packet of video
        self._after: int | None = None  # ticks of the first picture after the clip's end

    @property
    def start(self) -> float | None:
        """When its first picture is shown; None: it has none."""
        return self._start / HERTZ if self._writer else None

    @property
    def end(self) -> float | None:
        """When its last picture ends; None: it has none."""
        return self._end / HERTZ if self._writer else None

    def ends_before(self, kept: Kept, end: float) -> bool:
        """Return whether all that is shown until `end` was written before this packet.

        With B-frames, some of that comes after the first packet that is shown later.
        """
        packet, limit = kept.packet, round(end * HERTZ)
        if packet.track or packet.ticks <= limit:
            return False
        if self._writer is None:
            return True
        if self._after is None or self._after <= limit:
            self._after = packet.ticks
            return False
        return packet.ticks > self._after

    def continues(self, kept: Kept) -> bool:
        """Return whether a packet is of the format that the file has."""
        known = self._format
        if known is None or kept.format is known:
            return True
        return (kept.format.tracks, kept.format.description) == (known.tracks, known.description)

    def write(self, kept: Kept) -> None:
        """Write a packet; raises ClipError."""
        packet = kept.packet
        try:
            if self._writer is None:
                self._begin(kept)
            assert self._writer
            self._writer.write(packet)
        except WriteError as error:
            raise ClipError(f"it cannot be written: {_why(error)}") from error
        if packet.track == 0:
            if kept.format is not self._format:  # another connection
                self.away += max(0, packet.ticks - self._last) / HERTZ
            self._format, self._last = kept.format, packet.ticks
            self._end = max(self._end, packet.ticks + _duration(packet, kept.format))

    def close(self) -> int:
        """Complete the file on the disk, still without its name; return its bytes.

        Raises ClipError.
        """
        assert self._writer
        try:
            self._writer.close()
            _flush(self._part)
            return self._part.stat().st_size
        except WriteError as error:
            raise ClipError(f"it cannot be written: {_why(error)}") from error
        except OSError as error:
            raise ClipError(f"it cannot be written: {error.strerror}") from error

    def publish(self, sidecar: Sidecar) -> None:
        """Write the sidecar, and give the closed file its name; raises ClipError.

        A kill leaves a part without sidecar, which is deleted; a part with one, which is complete
        and gets its name at the next start; or the clip.
        """
        try:
            write_sidecar(sidecar_path(self.path), sidecar)
            name_complete(self.path)
        except OSError as error:
            raise ClipError(f"it cannot be written: {error.strerror}") from error

    def discard(self) -> None:
        """Delete what was written, which frees the disk. May be repeated."""
        if self._writer:
            with suppress(WriteError):
                self._writer.close()
        for path in (sidecar_path(self.path), part_of(sidecar_path(self.path)), self._part):
            with suppress(OSError):
                path.unlink()

    def _begin(self, kept: Kept) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ClipError(f"it cannot be written: {error.strerror}") from error
        self._writer = PacketWriter(self._part, kept.format)
        self._format = kept.format
        self._start = self._last = self._end = kept.packet.ticks


def name_complete(path: Path) -> None:
    """Give a complete part its name, for good; raises OSError."""
    part_of(path).replace(path)
    _flush(path.parent)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _duration(packet: EncodedPacket, packets: PacketFormat) -> int:
    return round(packet.duration * packets.tracks[0].time_base * HERTZ)


def _why(error: WriteError) -> str:
    """Return the system's words without the file's name."""
    cause = error.__cause__
    return str(getattr(cause, "strerror", None) or cause or error)
