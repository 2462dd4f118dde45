"""Files made of packets: payloads bit for bit, times exact, readable after a kill."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest

from pipeline.media.muxing import FORMATS
from pipeline.packets.keyframe import nal_units
from pipeline.packets.packet import EncodedPacket, PacketFormat
from pipeline.packets.writer import LEADING, NOT_IN_FILE, PacketWriter, WriteError
from pipeline.sources.street.frame_counter import read_counter
from tests.support.cameras import FPS, GOP, SIZE
from tests.support.environment import absent
from tests.support.ffmpeg import times_by_ffprobe, tool
from tests.support.packets import in_file, packets_of, sounds, times, units_in_file, with_audio
from tests.support.paths import ROOT

ENDINGS = list(FORMATS)
MATROSKA = Fraction(1, 1000)  # seconds by which it rounds


def write(path: Path, packets: PacketFormat, each: list[EncodedPacket]) -> PacketWriter:
    writer = PacketWriter(path, packets)
    for packet in each:
        writer.write(packet)
    writer.close()
    return writer


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("bframes", [0, 2])
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_payloads_are_kept_bit_for_bit_and_times_exactly(
    tmp_path: Path, codec: str, bframes: int, ending: str
) -> None:
    packets, sent = packets_of(60, codec, gop=20, bframes=bframes, start=123_457)
    path = tmp_path / f"copy{ending}"
    writer = write(path, packets, sent)
    written = in_file(path)[0]
    assert [units_in_file(data) for _, data in written] == [
        list(nal_units(each.data)) for each in sent
    ]
    assert writer.written == len(sent)
    assert writer.repaired == 0
    rounding = MATROSKA if ending == ".mkv" else Fraction(0)
    for (time, _), expected in zip(written, times(sent), strict=True):
        assert abs(time - expected) <= rounding
    shown = times_by_ffprobe(path)
    for place, time in enumerate(shown):
        assert abs(time - Fraction(place, FPS)) <= rounding
    assert len(shown) == len(sent)


def test_images_of_an_mjpeg_camera_are_kept(tmp_path: Path) -> None:
    packets, sent = packets_of(20, "mjpeg")
    path = tmp_path / "copy.mp4"
    write(path, packets, sent)
    assert [data for _, data in in_file(path)[0]] == [each.data for each in sent]


def test_decoded_frames_have_the_numbers_that_were_drawn(tmp_path: Path) -> None:
    packets, sent = packets_of(50, bframes=2)
    path = tmp_path / "copy.mp4"
    write(path, packets, sent)
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    assert [read_counter(frame) for frame in frames] == list(range(50))


def interleaved(video: list[EncodedPacket], audio: list[EncodedPacket]) -> list[EncodedPacket]:
    """Return a video of 25 frames a second with two packets of audio after each frame."""
    return [each for k, frame in enumerate(video) for each in (frame, *audio[2 * k : 2 * k + 2])]


@pytest.mark.parametrize(("codec", "ending"), [("pcm_mulaw", ".mov"), ("pcm_s16be", ".mkv")])
def test_audio_is_kept_with_its_offset(tmp_path: Path, codec: str, ending: str) -> None:
    packets, video = packets_of(30)
    audio = sounds(8000, 60, first=100)
    path = tmp_path / f"copy{ending}"
    writer = write(path, with_audio(codec, 8000, packets), interleaved(video, audio))
    assert writer.tracks == {0, 1}
    found = in_file(path)[1]
    assert b"".join(data for _, data in found) == b"".join(each.data for each in audio)
    assert abs(found[0][0] - Fraction(100, 8000)) <= MATROSKA
    shown = json.loads(
        tool("ffprobe", "-of", "json", "-show_entries", "stream=codec_name,start_time", str(path))
    )
    assert [each["codec_name"] for each in shown["streams"]] == ["h264", codec]


@pytest.mark.parametrize("start", [1500, 1509])  # where rounding loses one that lasts no time
def test_audio_without_durations_is_in_the_file_to_its_last_packet(
    tmp_path: Path, start: int
) -> None:
    packets, video = packets_of(11)
    audio = [
        EncodedPacket(bytes(100), 1, start + 1024 * k, None, 0, True, 0, 0.0, 0.0) for k in range(6)
    ]
    path = tmp_path / "copy.mp4"
    write(path, with_audio("aac", 16_000, packets), [*video[:3], *audio, *video[3:]])
    entry = ("-of", "csv=p=0", "-select_streams", "a", "-show_entries", "packet=size")
    shown = tool("ffprobe", *entry, str(path))
    assert len(shown.split()) == 6


def test_audio_that_the_container_cannot_hold_is_left_out_and_counted(tmp_path: Path) -> None:
    packets, video = packets_of(30)
    path = tmp_path / "copy.mp4"
    writer = write(
        path, with_audio("pcm_mulaw", 8000, packets), interleaved(video, sounds(8000, 60))
    )
    assert writer.refused == {1: "pcm_mulaw"}
    assert writer.left_out == {NOT_IN_FILE: 60}
    assert list(in_file(path)) == [0]


def test_audio_that_never_comes_does_not_keep_the_file_unreadable(tmp_path: Path) -> None:
    packets, video = packets_of(50)
    path = tmp_path / "copy.mp4"
    writer = PacketWriter(path, with_audio("pcm_s16be", 8000, packets))
    for each in video:
        writer.write(each)
    assert len(in_file(path)[0]) == 40  # before it is closed: all but the open group
    writer.close()
    assert len(in_file(path)[0]) == 50


def test_frames_of_the_group_before_are_left_out_and_counted(tmp_path: Path) -> None:
    packets, sent = packets_of(20)
    before = replace(sent[1], pts=-3600, ticks=-3600)
    path = tmp_path / "copy.mp4"
    writer = write(path, packets, [sent[0], before, *sent[1:]])
    assert writer.left_out == {LEADING: 1}
    assert times_by_ffprobe(path) == times(sent)


def test_a_gap_is_kept(tmp_path: Path) -> None:
    packets, sent = packets_of(40)
    kept = [*sent[:GOP], *sent[2 * GOP :]]
    path = tmp_path / "copy.mp4"
    write(path, packets, kept)
    assert times_by_ffprobe(path) == times(kept)


CHILD = """
import sys
from pathlib import Path
from pipeline.packets.writer import PacketWriter
from tests.support.packets import packets_of
packets, sent = packets_of(45)
writer = PacketWriter(Path(sys.argv[1]), packets)
for packet in sent:
    writer.write(packet)
print("written", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_killed_writer_loses_only_the_open_group(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"copy{ending}"
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout
        assert child.stdout.readline() == b"written\n"
        child.send_signal(signal.SIGKILL)
        child.wait()
    shown = times_by_ffprobe(path)
    assert len(shown) >= 40
    rounding = MATROSKA if ending == ".mkv" else Fraction(0)
    for place, time in enumerate(shown):
        assert abs(time - Fraction(place, FPS)) <= rounding


def test_a_file_that_cannot_be_written_says_which_and_why(tmp_path: Path) -> None:
    packets, sent = packets_of(20)
    path = tmp_path / "missing" / "copy.mp4"
    with pytest.raises(WriteError, match=r"missing/copy\.mp4': No such file or directory"):
        write(path, packets, sent)


def test_a_full_disk_is_an_error_and_what_was_written_can_be_read(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        absent("no /dev/full", "REQUIRE_DISKS")
    path = tmp_path / "copy.mkv"
    path.symlink_to(full)
    packets, sent = packets_of(30, size=SIZE)
    with pytest.raises(WriteError, match="No space left on device"):
        write(path, packets, sent)
