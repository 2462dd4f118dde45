"""What a tap hands on: encoded packets, and the description of the connection they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from io import BytesIO

import av
from av.stream import Stream

from pipeline.frames.frame import Unnumbered

HERTZ = 90_000  # ticks per second of the stream's time line


@dataclass(frozen=True, slots=True, eq=False)
class EncodedPacket(Unnumbered):
    """A packet of video or audio; any thread may read it, and none can change it.

    track: index of the stream in the connection's format
    pts, dts: in units of the track's time base; None if the container gave none
    duration: in the same units, 0 if unknown
    keyframe: of video: a decoder may begin here
    ticks: time on the time line of the stream's frames, in 1/90000 s; of audio, of the video packet
        that arrived last
    arrived_at, captured_at: `time.monotonic()` seconds
    """

    data: bytes = field(repr=False)
    track: int
    pts: int | None
    dts: int | None
    duration: int
    keyframe: bool
    ticks: int
    arrived_at: float
    captured_at: float


@dataclass(frozen=True, slots=True)
class TrackFormat:
    """One stream of a connection.

    kind: video or audio; codec: FFmpeg's name
    width, height: of video, in pixels; sample_rate: of audio, in Hz. 0 where it does not apply
    """

    kind: str
    codec: str
    time_base: Fraction
    width: int = 0
    height: int = 0
    sample_rate: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class PacketFormat(Unnumbered):
    """The start of a connection, or of another format within it: its tracks, the video first.

    description: a NUT file with an empty packet of each track, from which any thread can open
        templates. NUT keeps parameter sets as they are, which mp4 and Matroska do not.
    """

    tracks: tuple[TrackFormat, ...]
    description: bytes = field(repr=False)

    @contextmanager
    def templates(self) -> Iterator[list[Stream]]:
        """Open the streams that a muxer takes as templates, in the order of `tracks`."""
        with av.open(BytesIO(self.description), "r", format="nut") as container:
            yield list(container.streams)


def describe(streams: Sequence[Stream]) -> bytes:
    """Return a NUT file with an empty packet for each of `streams`.

    Raises av.FFmpegError or ValueError for a codec that NUT cannot hold.
    """
    file = BytesIO()
    with av.open(file, "w", format="nut") as output:
        for template in streams:
            output.add_stream_from_template(template, opaque=True)
        output.start_encoding()
        for stream in output.streams:
            packet: av.Packet[Stream] = av.Packet(b"\0")  # without one the file cannot be opened
            packet.pts = packet.dts = 0
            packet.stream, packet.is_keyframe = stream, True
            output.mux(packet)
    return file.getvalue()
