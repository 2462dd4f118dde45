"""The packets of a recorded file, demuxed from a keyframe on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import islice

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from pipeline.clips.footage import ClipError, suffix_for
from pipeline.frames.stream import Epoch
from pipeline.media.container import first_video_stream, open_container
from pipeline.packets.keyframe import track_format
from pipeline.packets.packet import HERTZ, EncodedPacket, PacketFormat
from pipeline.packets.ring import Kept

SEEKS = (0, 1, 10, 60)  # seconds before the wanted moment: not every container finds its keyframe
MAX_GROUP = 256 << 20  # bytes that wait until it is known that no keyframe follows


class FileFootage:
    """The packets of a recorded file or http(s) URL.

    timeout_seconds: how long a server may stay silent
    """

    grows = False

    def __init__(self, url: str, timeout_seconds: float = 10.0) -> None:
        self._url = url
        self._timeout = timeout_seconds

    @cached_property
    def suffix(self) -> str:
        """Of the file that holds them; raises ClipError."""
        opened = _Opened(self._url, self._timeout)
        try:
            return suffix_for(opened.format)
        finally:
            opened.close()

    def begin(self, seconds: float, epochs: Sequence[Epoch]) -> FileReader:
        """Return the packets from the keyframe at or before a moment on; raises ClipError."""
        if len(epochs) > 1:
            raise ClipError("the clock of the recording starts again within it")
        shift = epochs[0].shift if epochs else Fraction(0)
        return FileReader(self._url, self._timeout, seconds, shift)


@dataclass(frozen=True, slots=True, eq=False)
class _FileFormat(PacketFormat):
    """The tracks of an open file: unlike a description, its streams know how video is turned."""

    streams: tuple[Stream, ...] = field(default=(), repr=False)

    @contextmanager
    def templates(self) -> Iterator[list[Stream]]:
        """Yield the streams of the file, which stays open."""
        yield list(self.streams)


class _Opened:
    """An open file: its first video and all its audio."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        try:
            self.container: InputContainer = open_container(
                url, timeout_seconds, {"fflags": "+genpts"}
            )
        except av.FFmpegError as error:
            raise ClipError(f"the recording cannot be opened: {error.strerror}") from None
        video = first_video_stream(self.container)
        if video is None:
            self.close()
            raise ClipError("the recording has no video any more")
        self.video: VideoStream = video
        audio: list[AudioStream] = list(self.container.streams.audio)
        self.streams: tuple[Stream, ...] = (video, *audio)
        self.format = _FileFormat(
            tuple(track_format(each) for each in self.streams), b"", self.streams
        )
        self.track = {stream.index: place for place, stream in enumerate(self.streams)}

    def close(self) -> None:
        self.container.close()


class FileReader:
    """Reads a file from the keyframe at or before a moment on; used by one thread.

    seconds: of the moment, on the clock of the stream's frames
    shift: from the clock of the file to that, in seconds
    Raises ClipError.
    """

    cut: str | None = None
    lost = 0

    def __init__(self, url: str, timeout_seconds: float, seconds: float, shift: Fraction) -> None:
        self._shift = shift
        self._ticks = 0  # of the last packet of video
        self._url = url
        self._timeout = timeout_seconds
        self._wanted = round(seconds * HERTZ)
        self._file = _Opened(url, timeout_seconds)
        try:
            self._packets = self._found(seconds)
        except BaseException:
            self._file.close()
            raise

    def read(self, count: int) -> tuple[list[Kept], bool]:
        """Return the next packets, `count` at most, and whether more follow."""
        found = list(islice(self._packets, count))
        return [Kept(self._file.format, packet) for packet in found], len(found) == count

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _found(self, seconds: float) -> Iterator[EncodedPacket]:
        """Seek, and return the packets from the keyframe on."""
        for back in SEEKS:
            with suppress(av.FFmpegError):  # what cannot be sought is read from its start
                self._seek(seconds - float(self._shift) - back)
                first, rest = self._group(self._demuxed())
                if first and first[0].ticks <= self._wanted:
                    return _joined(first, rest)
        self._file.close()
        self._file = _Opened(self._url, self._timeout)
        return _joined(*self._group(self._demuxed()))

    def _seek(self, seconds: float) -> None:
        assert self._file.video.time_base
        offset = int(seconds / self._file.video.time_base)
        self._file.container.seek(offset, stream=self._file.video, backward=True)

    def _group(
        self, packets: Iterator[EncodedPacket]
    ) -> tuple[list[EncodedPacket], Iterator[EncodedPacket]]:
        """Read on to the last keyframe at or before the wanted moment.

        Return it with the packets that have been read after it, and the rest.
        """
        group: list[EncodedPacket] = []
        size = 0
        for packet in packets:
            begins = packet.track == 0 and packet.keyframe
            if begins and (not group or packet.ticks <= self._wanted):
                group, size = [], 0
            if begins or group:
                group.append(packet)
                size += len(packet.data)
            passed = packet.track == 0 and packet.ticks > self._wanted
            if group and (passed or size > MAX_GROUP):
                break
        return group, packets

    def _demuxed(self) -> Iterator[EncodedPacket]:
        """Yield packets up to the end of the file, or to where it is broken off."""
        with suppress(av.FFmpegError):
            for packet in self._file.container.demux(self._file.streams):
                if packet.size:
                    yield self._encoded(packet)

    def _encoded(self, packet: Packet[Stream]) -> EncodedPacket:
        track = self._file.track[packet.stream.index]
        time = packet.dts if packet.pts is None else packet.pts
        if track == 0:
            if time is None:
                raise ClipError("the packets of the recording have no times")
            assert packet.time_base
            self._ticks = round((time * packet.time_base + self._shift) * HERTZ)
        return EncodedPacket(
            data=bytes(packet),
            track=track,
            pts=packet.pts,
            dts=packet.dts,
            duration=packet.duration or 0,
            keyframe=packet.is_keyframe,
            ticks=self._ticks,
            arrived_at=0.0,
            captured_at=0.0,
        )


def _joined(first: list[EncodedPacket], rest: Iterator[EncodedPacket]) -> Iterator[EncodedPacket]:
    yield from first
    yield from rest
