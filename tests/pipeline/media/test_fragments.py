"""Fragments are read by FFmpeg's demuxer with the same frames at the same times."""

from __future__ import annotations

from fractions import Fraction
from io import BytesIO
from itertools import count
from pathlib import Path

import av
import pytest

from pipeline.media.fragments import TIMESCALE, H264Format, fragment
from pipeline.packets.keyframe import nal_units, parameter_sets
from pipeline.packets.order import DecodingTimes
from tests.support.cameras import FPS, encoded, numbered
from tests.support.ffmpeg import times_by_ffprobe, tool

TICKS = TIMESCALE // FPS


def written(bframes: int, late: int) -> tuple[bytes, list[bytes]]:
    """Return a stream of fragments, and the packets that are in it."""
    packets = [bytes(packet) for packet in encoded(numbered(frames=30), bframes=bframes)]
    shown = [packet.pts * TICKS + late for packet in encoded(numbered(frames=30), bframes=bframes)]
    sets = parameter_sets("h264", packets[0])
    format_ = H264Format(sets[0], sets[1:], 512, 64)
    times = DecodingTimes(shown[:16])
    numbers = count(1)
    parts = [format_.init_segment()]
    for packet, time in zip(packets, shown, strict=True):
        pts, dts = times.times(time)
        keyframe = any(unit[0] & 31 == 5 for unit in nal_units(packet))
        parts.append(
            fragment(
                next(numbers),
                nal_units(packet),
                dts=dts + 10 * TICKS,
                pts=pts + 10 * TICKS,
                duration=TICKS,
                keyframe=keyframe,
            )
        )
    return b"".join(parts), packets


@pytest.mark.parametrize("bframes", [0, 2])
@pytest.mark.parametrize("late", [0, 2**33])  # more than 32 bits: a camera runs for days
def test_ffmpeg_reads_every_frame_at_its_time(tmp_path: Path, bframes: int, late: int) -> None:
    content, packets = written(bframes, late)
    path = tmp_path / "live.mp4"
    path.write_bytes(content)
    expected = [Fraction(k + 10, FPS) + Fraction(late, TIMESCALE) for k in range(30)]
    assert times_by_ffprobe(path) == expected
    assert tool("ffmpeg", "-xerror", "-i", str(path), "-f", "null", "-") == b""
    with av.open(str(path)) as container:
        found = [packet for packet in container.demux(video=0) if packet.size]
        assert container.streams.video[0].width == 512
        assert [packet.is_keyframe for packet in found] == [k % 10 == 0 for k in range(30)]
    for packet, original in zip(found, packets, strict=True):
        units = [unit for unit in nal_units(original) if unit[0] & 31 not in (7, 8, 9)]
        assert bytes(packet) == b"".join(len(u).to_bytes(4, "big") + u for u in units)


def test_the_mime_type_names_profile_and_level() -> None:
    format_ = H264Format(bytes.fromhex("6764001facd9"), (b"\x68",), 640, 480)
    assert format_.mime == 'video/mp4; codecs="avc1.64001F"'


def test_a_fragment_is_complete_before_the_next_frame() -> None:
    content, _ = written(0, 0)
    packets = []
    with av.open(BytesIO(content[: content.rindex(b"moof") - 4])) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert len(packets) == 29
