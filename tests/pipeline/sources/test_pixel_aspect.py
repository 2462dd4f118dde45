"""Each frame has the pixel aspect that it was encoded with."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from pipeline.sources import Decoded, make_source
from tests.support.ffmpeg import tool

ENCODERS = {
    ".ts": ("-c:v", "libx264", "-bf", "3", "-g", "10"),
    ".h264": ("-c:v", "libx264", "-bf", "3", "-g", "10"),
    ".mpg": ("-c:v", "mpeg2video", "-bf", "2", "-g", "10", "-f", "mpeg2video"),
}


def joined(folder: Path, ending: str, aspects: tuple[str, ...]) -> Path:
    """Write recordings of 10 frames each, which differ in their aspect, as one file."""
    parts = []
    for number, aspect in enumerate(aspects):
        part = folder / f"{number}{ending}"
        picture = ("-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=0.4", "-vf", f"setdar={aspect}")
        tool("ffmpeg", *picture, *ENCODERS[ending], str(part))
        parts.append(part.read_bytes())
    path = folder / f"joined{ending}"
    path.write_bytes(b"".join(parts))
    return path


def by_ffprobe(path: Path) -> list[Fraction]:
    shown = tool(
        *("ffprobe", "-select_streams", "v:0", "-show_entries", "frame=sample_aspect_ratio"),
        *("-of", "csv=p=0", str(path)),
    )
    rows = shown.decode().split()
    return [Fraction(row.strip(",").replace(":", "/")) for row in rows]


def of_frames(path: Path, **options: object) -> list[Fraction]:
    source = make_source(str(path), "x", options)
    source.open()
    try:
        return [item.picture.pixel_aspect for item in source if isinstance(item, Decoded)]
    finally:
        source.close()


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("ending", ENCODERS)
def test_an_aspect_that_changes_in_mid_file_is_that_of_each_frame(
    tmp_path: Path, ending: str, threads: int
) -> None:
    path = joined(tmp_path, ending, ("16/9", "4/3", "16/9"))
    wide, square = [Fraction(4, 3)] * 10, [Fraction(1)] * 10
    assert of_frames(path, threads=threads) == wide + square + wide


def test_what_the_container_states_goes_before_what_is_coded(tmp_path: Path) -> None:
    path = joined(tmp_path, ".ts", ("16/9",))
    stated = tmp_path / "a.mkv"
    tool("ffmpeg", "-i", str(path), "-c", "copy", "-aspect", "2", str(stated))
    assert of_frames(stated) == by_ffprobe(stated) == [Fraction(3, 2)] * 10
