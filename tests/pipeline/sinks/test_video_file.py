"""Video files: exact times, the right colours, and readable files after a kill or a failure."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from detector.detections import UInt8Array
from detector.yuv.planes import Planes
from pipeline.frames.picture import Picture
from pipeline.media.h264 import fit, letterbox
from pipeline.sinks import SinkError
from pipeline.sinks.video_file import VideoFileSink
from tests.support import footage
from tests.support.ffmpeg import tool
from tests.support.paths import ROOT

PAL = Fraction(1, 25)


@pytest.mark.parametrize(
    ("clip", "frames"),
    [
        ("vfr.mp4", 120),
        ("vfr_start_offset.mkv", 120),  # starts at 5 s
        ("moviepy_transparent.webm", 60),  # its unit is 1 ms
        ("mjpeg.avi", 40),  # its unit is 0.1 s
        ("decord_unordered.mov", 4),
        ("one_frame.mp4", 1),
        ("moviepy_bitmap.mp4", 5),  # 1 x 1
        ("tiny_16x16.mp4", 10),
        ("odd_479x359_444.mp4", 60),
        ("decord_video_90.mov", 3),  # 320 x 568 when upright, 568 x 320 here
    ],
)
def test_a_clip_keeps_its_times_exactly(clip: str, frames: int, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    items = list(footage.of_clip(data / "awkward" / clip, frames))
    footage.record(VideoFileSink(out), items)
    assert len(items) == frames
    assert footage.times(out) == [item.frame.time for item in items]


@pytest.mark.parametrize("ending", [".mp4", ".mov"])
@pytest.mark.parametrize(
    ("time_base", "ticks"),
    [
        (Fraction(1001, 30000), range(40)),
        (Fraction(1, 10), [0, 1, 2, 30, 31]),
        (Fraction(1, 90_000), [2**33 - 1, 2**33 + 4000, 2**33 + 9000]),
        (Fraction(1, 10**9), range(7, 10**9, 41_666_667)),
        (Fraction(1, 2**31 - 1), range(0, 2**31, 89_478_485)),
        (Fraction(1, 25), range(-3, 20)),
        (Fraction(7, 1), [0, 1, 5]),
    ],
    ids=str,
)
def test_any_time_base_is_kept_exactly(
    time_base: Fraction, ticks: list[int], ending: str, tmp_path: Path
) -> None:
    out = tmp_path / f"out{ending}"
    footage.record(VideoFileSink(out), footage.noise(ticks, time_base))
    written = sorted(time for time, _ in footage.packets(out, "v:0")[0])
    assert written == [tick * time_base for tick in ticks]


def test_matroska_rounds_times_to_a_millisecond(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    items = list(footage.of_clip(data / "awkward/vfr.mp4"))
    footage.record(VideoFileSink(out), items)
    off = [abs(a - b.frame.time) for a, b in zip(footage.times(out), items, strict=True)]
    assert max(off) <= Fraction(1, 2000)


def test_a_time_base_too_fine_for_the_container_is_rounded_to_microseconds(
    tmp_path: Path,
) -> None:
    out, time_base = tmp_path / "out.mp4", Fraction(1, 10**12)
    ticks = range(123, 10**12, 40_000_000_001)
    footage.record(VideoFileSink(out), footage.noise(ticks, time_base))
    off = [abs(a - b * time_base) for a, b in zip(footage.times(out), ticks, strict=True)]
    assert max(off) <= Fraction(1, 2_000_000)


def test_a_gap_too_long_for_mp4_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    ticks = [0, 40_000_000, 3_000_000_000, 3_040_000_000]
    with pytest.raises(SinkError, match=r"ticks of 1/1000000000 s; write \.mkv"):
        footage.record(
            VideoFileSink(tmp_path / "out.mp4"), footage.noise(ticks, Fraction(1, 10**9))
        )
    out = tmp_path / "out.mkv"
    footage.record(VideoFileSink(out), footage.noise(ticks, Fraction(1, 10**9)))
    assert footage.times(out) == [0, Fraction(1, 25), 3, Fraction(76, 25)]


def test_a_second_failure_while_saving_still_leaves_an_incomplete_file(
    tmp_path: Path,
) -> None:
    far_apart = footage.noise(range(0, 10**12, 3 * 10**9), Fraction(1, 10**9))
    with pytest.raises(SinkError, match="too long for ticks"):
        footage.record(VideoFileSink(tmp_path / "out.mp4"), far_apart)
    assert [file.name for file in tmp_path.iterdir()] == ["out.incomplete.mp4"]


def test_the_last_frame_lasts_its_nominal_interval(tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    ticks = [0, 1, 2, 10]
    footage.record(VideoFileSink(out), footage.noise(ticks, PAL, interval=Fraction(3, 25)))
    shown = footage.probe(out, "-show_entries", "format=duration")
    assert float(shown["format"]["duration"]) == 13 / 25


def boxes(file: Path) -> list[str]:
    """Return the types of an mp4's outermost boxes."""
    found, content = [], file.read_bytes()
    while content:
        size = int.from_bytes(content[:4], "big")
        found.append(content[4:8].decode())
        size = int.from_bytes(content[8:16], "big") if size == 1 else size
        content = content[size:]
    return found


def test_a_completed_file_is_an_ordinary_mp4(tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    footage.record(VideoFileSink(out), footage.noise(range(120), PAL))
    assert set(boxes(out)) <= {"ftyp", "free", "mdat", "moov"}
    shown = footage.probe(out, "-show_entries", "stream=nb_frames,codec_name,pix_fmt,width,height")
    assert shown["streams"] == [
        {
            "codec_name": "h264",
            "width": 64,
            "height": 48,
            "pix_fmt": "yuv420p",
            "nb_frames": "120",
        }
    ]


@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
def test_after_a_failure_the_file_has_every_frame_it_was_given(ending: str, tmp_path: Path) -> None:
    sink = VideoFileSink(tmp_path / f"out{ending}")
    written = [list(sink.process(item)) for item in footage.noise(range(80), PAL)]
    assert sum(map(len, written)) < 80  # the encoder has the rest
    sink.close()
    left = footage.times(tmp_path / f"out.incomplete{ending}")
    assert left == [k * PAL for k in range(80)]


KILLED = """
import os, signal, sys
from fractions import Fraction
from pathlib import Path
from pipeline.sinks.video_file import VideoFileSink
from tests.support import footage
audio = Path(sys.argv[2]) if sys.argv[2:] else None
sink = VideoFileSink(Path(sys.argv[1]))
written = 0
for item in footage.noise(range(3, 3000, 25), Fraction(1, 250), audio_from=audio):
    written += len(list(sink.process(item)))
print(written, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
@pytest.mark.parametrize("audio", [(), ("street/videos/car-detection.mp4",)], ids=["", "audio"])
def test_a_kill_loses_only_the_open_gop(
    audio: tuple[str, ...], ending: str, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / f"out{ending}"
    program = [sys.executable, "-c", KILLED, str(out), *(str(data / name) for name in audio)]
    done = subprocess.run(program, capture_output=True, check=False, cwd=ROOT)
    assert done.returncode == -signal.SIGKILL, done.stderr
    left, written = footage.times(out), int(done.stdout)
    assert left == [Fraction(3, 250) + k * Fraction(1, 10) for k in range(len(left))]
    assert written >= 105 and written - len(left) <= 20  # two seconds


def test_keyframes_come_every_two_seconds_of_the_sources_time(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    footage.record(VideoFileSink(out), footage.of_clip(data / "awkward/vfr.mp4"))
    with av.open(str(out)) as container:
        seen = [(f.time, f.key_frame) for f in container.decode(video=0)]
    keys = [time for time, key in seen if key]
    gaps = [b - a for (a, _), (b, _) in pairwise(seen)]
    assert max(b - a for a, b in pairwise(keys)) <= 2 + max(gaps)


def as_players_show_it(file: Path, count: int) -> UInt8Array:
    """Return the first frames, (count, h, w, 3) BGR, as ffmpeg decodes them by the file's tags."""
    size = footage.probe(file, "-select_streams", "v:0", "-show_entries", "stream=width,height")[
        "streams"
    ][0]
    exact = ["-sws_flags", "accurate_rnd+full_chroma_int"]
    to_bgr = [*exact, "-frames:v", str(count), "-f", "rawvideo", "-pix_fmt", "bgr24", "-"]
    raw = tool("ffmpeg", "-i", str(file), *to_bgr)
    return np.frombuffer(raw, np.uint8).reshape(count, size["height"], size["width"], 3)


@pytest.mark.parametrize("size", [(768, 432), (1920, 1080)], ids=["SD", "HD"])
def test_players_show_the_original_colours(size: tuple[int, int], tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    colours = [(0, 0, 255), (0, 255, 0), (255, 0, 0), (30, 160, 230), (0, 0, 0), (255, 255, 255)]
    patches = np.array(colours, np.uint8).reshape(1, 6, 3)
    image = np.kron(patches, np.ones((size[1], size[0] // 6, 1), np.uint8))
    footage.record(VideoFileSink(out, crf=1), footage.of_images([image] * 2))
    seen = as_players_show_it(out, 2)[0, size[1] // 2, size[0] // 12 :: size[0] // 6]
    assert np.abs(seen.astype(int) - colours).max() <= 4
    tags = footage.probe(out, "-show_entries", "stream=color_space,color_range")["streams"][0]
    assert tags == {"color_range": "tv", "color_space": "smpte170m"}


def test_a_real_clip_keeps_its_quality(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    items = list(footage.of_clip(data / "street/videos/car-detection.mp4", 20))
    footage.record(VideoFileSink(out), items)
    seen = as_players_show_it(out, 20).astype(float)
    for frame, item in zip(seen, items, strict=True):
        noise = np.mean((frame - item.frame.picture.bgr) ** 2)
        assert 10 * np.log10(255**2 / noise) > 34  # dB


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (17, 31), (479, 270), (50, 362)])
def test_a_frame_of_odd_size_is_padded_by_its_edge(size: tuple[int, int], tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    width, height = size
    slope = np.linspace(0, 200, width)[None, :] + np.linspace(0, 50, height)[:, None]
    image = np.repeat(slope[..., None], 3, axis=2).astype(np.uint8)
    footage.record(VideoFileSink(out, crf=1), footage.of_images([image] * 3))
    seen = as_players_show_it(out, 3)[0].astype(int)
    assert seen.shape[:2] == (height + height % 2, width + width % 2)
    expected = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    assert np.abs(seen - expected).max() <= 6


def test_a_frame_of_another_size_is_letterboxed(tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    wide, tall = np.full((48, 96, 3), 200, np.uint8), np.full((80, 40, 3), 100, np.uint8)
    footage.record(VideoFileSink(out, crf=1), footage.of_images([wide, wide, tall, wide]))
    seen = as_players_show_it(out, 4).astype(int)
    assert seen.shape == (4, 48, 96, 3)
    assert np.abs(seen[[0, 1, 3]] - 200).max() <= 6
    row = seen[2, 24, :, 0]
    assert row[:34].max() < 16 and row[62:].max() < 16  # 24 of 96 columns are the frame
    assert np.abs(row[38:58] - 100).max() <= 6


def test_a_frame_of_another_pixel_aspect_keeps_its_shape(tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    items = list(footage.of_images([np.full((48, 96, 3), 200, np.uint8)] * 3))
    wide = items[1].frame.picture
    narrow = Picture(96, 48, lambda: wide.bgr, pixel_aspect=Fraction(1, 2))
    items[1] = replace(items[1], frame=replace(items[1].frame, picture=narrow))
    footage.record(VideoFileSink(out, crf=1), items)
    seen = as_players_show_it(out, 3).astype(int)
    assert np.abs(seen[[0, 2]] - 200).max() <= 6
    row = seen[1, 24, :, 0]  # 48 of 96 columns are the frame
    assert row[:22].max() < 16 and row[74:].max() < 16
    assert np.abs(row[26:70] - 200).max() <= 6


def test_a_frame_that_fits_is_not_copied() -> None:
    planes = Planes.of_bgr(np.zeros((48, 96, 3), np.uint8))
    assert fit(planes, 96, 48) is planes
    assert letterbox(planes, 10, 48, Fraction(1)).size == (48, 10)


def test_the_encoder_never_holds_more_frames_than_its_lookahead(tmp_path: Path) -> None:
    sink = VideoFileSink(tmp_path / "out.mp4")
    held = 0
    for item in footage.noise(range(60), PAL):
        held += 1 - len(list(sink.process(item)))
        assert held <= 16
    assert len(list(sink.finish())) == held
    sink.close()
