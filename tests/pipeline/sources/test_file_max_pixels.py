"""A video or animation of too many pixels is refused before its frames take memory."""

from __future__ import annotations

from pathlib import Path
from struct import pack

import pytest

from pipeline.sources import SourceError, make_source
from tests.pipeline.sources.test_conversion import CORNERS, write


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
    source.open()
    assert list(source) == []
    source.close()
    assert ["more pixels than max_pixels" in fault for fault in source.faults] == [True]
