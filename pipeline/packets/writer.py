"""Packets into a file, as they are: nothing is decoded or encoded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import av
from av.packet import Packet
from av.stream import Stream

from detector.errors import FramelaneError
from pipeline.media.h264 import ticks_per_second
from pipeline.media.muxing import FORMATS, muxing, refused
from pipeline.packets.file_times import AudioTimes, VideoTimes
from pipeline.packets.order import DecodingTimes
from pipeline.packets.packet import EncodedPacket, PacketFormat

OPENING = 16  # packets of video: H.264 and H.265 reorder no more; audio has begun by then
LEADING = "of the group of pictures before"
DISORDERED = "audio that is not in order"
NOT_IN_FILE = "audio that the file does not hold"


class WriteError(FramelaneError):
    """A file cannot be written: one line that says which, and why."""


class PacketWriter:
    """Writes the packets of one connection, from a keyframe on, into .mp4, .mov or .mkv.

    A name may have .part after that, for a file that is renamed when it is complete.

    The first packet of video has time 0. Differences of times are exact; .mkv rounds times to 1 ms.
    The file can be read while it grows, and after a kill up to its last complete group of pictures.

    The first packets wait in memory until it is known how far the video is reordered and which
    tracks of audio have begun: a track without a packet would keep an mp4 unreadable.

    left_out: packets that are not in the file, by reason
    refused: tracks of audio that the container cannot hold, and their codecs
    tracks: those that the file has, once it is open
    """

    def __init__(self, path: Path, packets: PacketFormat) -> None:
        self.path = path
        self.written = 0  # packets
        self.left_out: Counter[str] = Counter()
        self.refused: dict[int, str] = {}
        self.tracks: set[int] = set()
        self._format = packets
        self._opening: list[EncodedPacket] | None = []
        self._start: EncodedPacket | None = None
        self._files = ExitStack()

    @property
    def repaired(self) -> int:
        """Packets of video whose time of display had to be changed."""
        return 0 if self._opening is not None else self._order.repaired

    def write(self, packet: EncodedPacket) -> None:
        """Write a packet; the first must be a keyframe. Raises WriteError."""
        if self._opening is None:
            with self._translated():
                self._write(packet)
            return
        assert self._opening or (packet.keyframe and packet.track == 0), packet
        videos = sum(each.track == 0 for each in self._opening)
        if packet.track == 0 and (videos == OPENING or (videos and packet.keyframe)):
            self._open()
            self.write(packet)
        else:
            self._opening.append(packet)

    def close(self) -> None:
        """Complete the file. Raises WriteError; then what was written can still be read."""
        if self._opening:
            self._open()
        with self._translated():
            self._files.close()

    def _open(self) -> None:
        opening, self._opening = self._opening or [], None
        start = opening[0]
        with self._translated():
            self._add_tracks(start, {each.track for each in opening})
            first = [self._video.time(each) for each in opening if each.track == 0]
            self._order = DecodingTimes([time for time in first if time >= 0])
            for packet in opening:
                self._write(packet)

    def _add_tracks(self, start: EncodedPacket, begun: set[int]) -> None:
        name = FORMATS[Path(self.path.name.removesuffix(".part")).suffix.lower()]
        video = self._format.tracks[0]
        self._ticks = ticks_per_second(video.time_base)
        self._video = VideoTimes(start, video.time_base)
        self._output = self._files.enter_context(
            av.open(
                f"file:{self.path}", "w", format=name, container_options=muxing(name, self._ticks)
            )
        )
        self._audio: dict[int, AudioTimes] = {}
        self._streams: dict[int, Stream] = {}
        with self._format.templates() as templates:
            for number, (track, template) in enumerate(
                zip(self._format.tracks, templates, strict=True)
            ):
                if number and refused(template, name):
                    self.refused[number] = track.codec
                elif number in begun:
                    stream = self._output.add_stream_from_template(template, opaque=True)
                    stream.time_base = track.time_base
                    self._streams[number] = stream
                    self._audio[number] = AudioTimes(self._video, track.time_base)
        self.tracks = set(self._streams)

    def _write(self, packet: EncodedPacket) -> None:
        if packet.track == 0:
            pts = self._video.time(packet)
            if pts < 0:
                self.left_out[LEADING] += 1
                return
            self._mux(packet, *self._order.times(pts, _shifted_dts(packet, pts)), packet.duration)
        elif packet.track not in self._streams:
            self.left_out[NOT_IN_FILE] += 1
        else:
            times = self._audio[packet.track].times(packet)
            if times is None:
                self.left_out[DISORDERED] += 1
            else:
                time, duration = times
                self._mux(packet, time, time, duration)

    def _mux(self, packet: EncodedPacket, pts: int, dts: int, duration: int) -> None:
        muxed: Packet[Stream] = av.Packet(packet.data)
        muxed.pts, muxed.dts, muxed.duration = pts, dts, duration
        muxed.time_base = self._format.tracks[packet.track].time_base
        muxed.is_keyframe = packet.keyframe
        muxed.stream = self._streams[packet.track]
        self._output.mux(muxed)
        self.written += 1

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (OSError, av.FFmpegError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise WriteError(f"cannot write '{self.path}': {why}") from error


def _shifted_dts(packet: EncodedPacket, pts: int) -> int | None:
    """Return the container's time of decoding in the file, where the time of display is `pts`."""
    if packet.dts is None or packet.pts is None:
        return None
    return packet.dts + pts - packet.pts
