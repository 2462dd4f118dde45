"""Recordings joined with cat, as a DVR leaves them: video and audio go on together."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from pipeline.frames.frame import Frame
from pipeline.frames.result import Tracked
from pipeline.runtime.ledger import Ledger
from pipeline.sinks.video_file import VideoFileSink
from pipeline.sources.file import VideoFileSource
from pipeline.stages.decode import Decode
from tests.support import footage
from tests.support.ffmpeg import tool

TENTH = Fraction(1, 10)
WRAP = Fraction(2**33, 90_000)


def recording(folder: Path, name: str, starts_at: float, seconds: float = 2.0) -> bytes:
    """Return MPEG-TS with a tone, whose first frame is at about this time."""
    path = folder / f"{name}.ts"
    video = ("-f", "lavfi", "-i", f"testsrc2=s=64x48:r=10:d={seconds}")
    tone = ("-f", "lavfi", "-i", f"sine=d={seconds}")
    codecs = ("-c:v", "libx264", "-preset", "superfast", "-bf", "2", "-g", "10", "-c:a", "aac")
    delay = ("-muxdelay", "0", "-muxpreload", "0", "-output_ts_offset", str(starts_at))
    tool("ffmpeg", "-y", *video, *tone, *codecs, "-threads", "1", *delay, str(path))
    return path.read_bytes()


def frames(path: Path) -> list[Frame]:
    decode = Decode(source := VideoFileSource(str(path), "cam"), Ledger())
    decode.open()
    found = [frame for item in source for frame in decode.process(item)]
    decode.close()
    return found


def recorded(path: Path, out: Path) -> list[Frame]:
    """Copy a recording into a file; return the frames."""
    found = frames(path)
    items = (Tracked(each, footage.tracks(), each.picture.planes) for each in found)
    footage.record(VideoFileSink(out), items)
    return found


def packets_shown(file: Path, kind: str) -> list[dict[str, str]]:
    entries = ("-show_entries", "packet=pts_time,duration_time,flags")
    shown: list[dict[str, str]] = footage.probe(file, "-select_streams", kind, *entries)["packets"]
    return shown


def assert_all_is_shown(out: Path, count: int) -> None:
    """No packet is marked to be discarded, and a player decodes every frame."""
    assert not [p for p in packets_shown(out, "v") if "D" in p["flags"]]
    assert len(footage.times(out)) == count
    decoded = tool("ffmpeg", "-i", str(out), "-map", "0:v", "-fps_mode", "passthrough",
                   "-f", "framemd5", "-")  # fmt: skip
    assert sum(not line.startswith(b"#") for line in decoded.splitlines()) == count


@pytest.mark.parametrize(
    ("starts", "ending"),
    [
        ((100, 5, 4), ".mp4"),
        ((100, 5), ".mkv"),
        ((5, 5), ".mov"),
        ((float(WRAP) - 1, 5), ".mp4"),  # a real gap of four seconds stays
        ((5, float(WRAP) - 1), ".mp4"),
    ],
)
def test_joined_recordings_go_on_where_the_one_before_ended(
    starts: tuple[float, ...], ending: str, tmp_path: Path
) -> None:
    joined, out = tmp_path / "joined.ts", tmp_path / f"out{ending}"
    parts = [recording(tmp_path, str(k), start) for k, start in enumerate(starts)]
    joined.write_bytes(b"".join(parts))
    found = recorded(joined, out)
    assert len(found) == 20 * len(starts)
    assert found[0].time >= 0
    assert_all_is_shown(out, len(found))
    steps = [b - a for a, b in pairwise(footage.times(out))]
    gap = 2 * TENTH if starts != (float(WRAP) - 1, 5) else 5
    assert all(0 < step <= gap for step in steps)
    audio = packets_shown(out, "a")
    ends = [float(p["pts_time"]) + float(p["duration_time"]) for p in audio]
    gaps = [float(b["pts_time"]) - end for b, end in zip(audio[1:], ends[:-1], strict=True)]
    assert all(-0.002 < each < float(gap) for each in gaps)
    video_end = float(footage.times(out)[-1]) + 0.1
    assert abs(ends[-1] - video_end) < 0.1


def test_recordings_shorter_than_a_reordering_are_joined_too(tmp_path: Path) -> None:
    path = tmp_path / "joined.ts"
    path.write_bytes(recording(tmp_path, "short", 5, 0.5) * 6)
    found = frames(path)
    assert [b.time - a.time for a, b in pairwise(found)] == [TENTH] * 29


@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
def test_frames_before_0_are_shown(ending: str, tmp_path: Path) -> None:
    """A recording across the wrap of 33 bits: FFmpeg subtracts a period from the start."""
    path, out = tmp_path / "wrap.ts", tmp_path / f"out{ending}"
    path.write_bytes(recording(tmp_path, "wrap", float(WRAP) - 1))
    found = recorded(path, out)
    assert found[0].pts is not None and found[0].pts < 0
    assert [frame.time for frame in found] == [k * TENTH for k in range(20)]
    assert_all_is_shown(out, 20)
    source, copy = packets_shown(path, "a"), packets_shown(out, "a")
    apart = {
        round(float(b["pts_time"]) - float(a["pts_time"]), 2)
        for a, b in zip(source, copy, strict=False)
    }
    assert apart == {round(-float(found[0].pts * found[0].time_base), 2)}
