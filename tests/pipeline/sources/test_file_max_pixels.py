"""A video or animation of too many pixels is refused before its frames take memory."""

from __future__ import annotations

from pathlib import Path
from struct import pack

import pytest

from pipeline.sources import Decoded, SourceError, make_source
from tests.pipeline.sources.test_conversion import CORNERS, write
from tests.support.ffmpeg import tool


def test_a_video_of_too_many_pixels_is_refused_by_its_header(tmp_path: Path) -> None:
    write(tmp_path / "a.mp4", CORNERS)
    source = make_source(str(tmp_path / "a.mp4"), "x", {"max_pixels": 96 * 64 - 1})
    with pytest.raises(SourceError, match=r"96x64 pixels, more than max_pixels \(6143\)"):
        source.open()
    source.close()


def test_a_small_file_that_claims_a_huge_picture_is_not_decoded(tmp_path: Path) -> None:
    screen = pack("<HHBBB", 16000, 16000, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    image = b"," + pack("<HHHHB", 0, 0, 16000, 16000, 0) + b"\x02\x02D\x01\0;"
    (tmp_path / "a.gif").write_bytes(b"GIF89a" + screen + image)
    source = make_source(str(tmp_path / "a.gif"), "x", {})
    with pytest.raises(SourceError, match="16000x16000 pixels, more than max_pixels"):
        source.open()
    source.close()


@pytest.mark.parametrize("encoder", ["libx264", "libx265", "mpeg2video"])
def test_frames_that_grow_in_mid_file_are_counted_as_too_large(
    tmp_path: Path, encoder: str
) -> None:
    parts = []
    for size in ("320x240", "640x480"):
        picture = ("-f", "lavfi", "-i", f"testsrc2=s={size}:r=25:d=0.4")
        parts.append(tool("ffmpeg", *picture, "-c:v", encoder, "-f", "mpegts", "-"))
    (tmp_path / "a.ts").write_bytes(b"".join(parts))
    source = make_source(str(tmp_path / "a.ts"), "x", {"max_pixels": 320 * 240})
    source.open()
    frames = [item for item in source if isinstance(item, Decoded)]
    source.close()
    assert {(frame.picture.width, frame.picture.height) for frame in frames} == {(320, 240)}
    assert len(frames) >= 8  # the last ones were still in the decoder
    assert any("max_pixels (76800): make it smaller" in fault for fault in source.faults)
