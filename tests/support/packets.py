"""Packets for tests, as a tap publishes them, made from numbered frames."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from time import monotonic

import av

from pipeline.packets.keyframe import format_of, nal_units
from pipeline.packets.packet import HERTZ, EncodedPacket, PacketFormat, TrackFormat, describe
from tests.support.cameras import FPS, GOP, encoded, numbered, read_units

TIME_BASE = Fraction(1, HERTZ)
DECODERS = {"libx264": "h264", "libx265": "hevc", "mjpeg": "mjpeg"}


def packets_of(
    frames: int = 50,
    codec: str = "libx264",
    *,
    gop: int = GOP,
    bframes: int = 0,
    size: tuple[int, int] = (512, 64),
    start: int = 0,
) -> tuple[PacketFormat, list[EncodedPacket]]:
    """Return a camera's packets and their format; the camera's clock is at `start` ticks."""
    now, interval = monotonic(), HERTZ // FPS
    clip = list(encoded(numbered(size, frames), codec, gop=gop, bframes=bframes))
    found = [
        EncodedPacket(
            data=bytes(each),
            track=0,
            pts=start + each.pts * interval,
            dts=None,
            duration=interval,
            keyframe=each.is_keyframe,
            ticks=each.pts * interval,
            arrived_at=now + place / FPS,
            captured_at=now + place / FPS,
        )
        for place, each in enumerate(clip)
    ]
    return format_of(DECODERS[codec], TIME_BASE, found[0].data), found


def later(packets: Iterable[EncodedPacket], seconds: float) -> list[EncodedPacket]:
    """Return the packets as they would have come `seconds` later."""
    ticks = round(seconds * HERTZ)
    return [
        replace(
            each,
            pts=None if each.pts is None else each.pts + ticks,
            ticks=each.ticks + ticks,
            arrived_at=each.arrived_at + seconds,
            captured_at=each.captured_at + seconds,
        )
        for each in packets
    ]


def with_audio(codec: str, rate: int, packets: PacketFormat) -> PacketFormat:
    """Return the format with a track of audio added."""
    with av.open(os.devnull, "w", format="nut") as output:
        audio = output.add_stream(codec, rate=rate)
        audio.layout = "mono"
        output.start_encoding()
        with packets.templates() as videos:
            tracks = (*packets.tracks, TrackFormat("audio", codec, Fraction(1, rate), 0, 0, rate))
            return PacketFormat(tracks, describe([*videos, audio]))


def sounds(rate: int, count: int, *, first: int = 0) -> list[EncodedPacket]:
    """Return packets of 20 ms each; the first is at `first` units."""
    size = rate // 50
    return [
        EncodedPacket(bytes([k % 250]) * size, 1, first + k * size, None, size, True, 0, 0.0, 0.0)
        for k in range(count)
    ]


def in_file(path: Path) -> dict[int, list[tuple[Fraction, bytes]]]:
    """Return the packets of each stream of a file: time in seconds, and payload."""
    found: dict[int, list[tuple[Fraction, bytes]]] = {}
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.size:
                assert packet.pts is not None
                time = packet.pts * packet.time_base
                found.setdefault(packet.stream_index, []).append((time, bytes(packet)))
    return found


def units_in_file(data: bytes) -> list[bytes]:
    """Return the NAL units of a packet that has their lengths in front of them."""
    found, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        found.append(data[at + 4 : at + 4 + size].rstrip(b"\0"))
        at += 4 + size
    return found


def times(packets: Sequence[EncodedPacket], time_base: Fraction = TIME_BASE) -> list[Fraction]:
    """Return the times of packets in seconds, from 0 at the first."""
    first = packets[0].pts
    assert first is not None
    return [(each.pts - first) * time_base for each in packets if each.pts is not None]


def without_sets(found: Iterable[bytes], codec: str = "h264") -> tuple[bytes, ...]:
    """Return NAL units without parameter sets, which GStreamer repeats in front of keyframes."""
    if codec == "h264":
        return tuple(unit for unit in found if unit[0] & 31 not in (7, 8))
    return tuple(unit for unit in found if unit[0] >> 1 & 63 not in (32, 33, 34))


def places(found: Iterable[Iterable[bytes]], clip: Path, codec: str = "h264") -> list[int]:
    """Return which access units of a clip these are, each given by its NAL units.

    Fails if one of them differs from all that the server sends.
    """
    clips = (nal_units(unit) for _, unit in read_units(clip))
    sent = {without_sets(each, codec): place for place, each in enumerate(clips)}
    return [sent[without_sets(each, codec)] for each in found]


def assert_without_gaps(found: list[int], length: int) -> None:
    """Fail unless places in a clip of this length, which is sent in a loop, follow each other."""
    assert found == [(found[0] + k) % length for k in range(len(found))]
