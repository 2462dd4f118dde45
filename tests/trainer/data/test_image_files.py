"""The size of an image file is that of its decoded image, and damage is named."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from trainer.data.data_errors import Findings
from trainer.data.image_files import read_rgb, sizes_of

TURNED = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # by 90 degrees


def write(path: Path, height: int, width: int, *, turned: bool = False) -> Path:
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    data = cv2.imencode(path.suffix, image)[1].tobytes()
    if turned:
        data = data[:2] + b"\xff\xe1" + (len(TURNED) + 2).to_bytes(2, "big") + TURNED + data[2:]
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".tif", ".webp"])
@pytest.mark.parametrize("size", [(40, 60), (41, 63), (3, 5), (1, 1), (200, 17)])
def test_sizes_are_those_of_the_decoded_images(
    tmp_path: Path, suffix: str, size: tuple[int, int]
) -> None:
    path = write(tmp_path / f"a{suffix}", *size)
    findings = Findings()
    assert sizes_of([path], findings) == [read_rgb(path).shape[:2]] == [size]
    assert findings.lines == []


@pytest.mark.parametrize("size", [(40, 60), (41, 45), (40, 40)])
def test_an_image_that_its_exif_tag_turns_has_the_turned_size(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    path = write(tmp_path / "a.jpg", *size, turned=True)
    assert sizes_of([path], Findings()) == [read_rgb(path).shape[:2]] == [size[::-1]]


def test_damaged_and_missing_files_are_named(tmp_path: Path) -> None:
    cut = write(tmp_path / "cut.jpg", 40, 60)
    cut.write_bytes(cut.read_bytes()[:-200] + b"\0\0\0\x18ftypmp42" + bytes(500))
    other = tmp_path / "other.png"
    other.write_text("no image")
    (tmp_path / "folder.jpg").mkdir()
    paths = [cut, other, tmp_path / "gone.jpg", tmp_path / "folder.jpg"]
    findings = Findings()
    assert sizes_of(paths, findings) == [None] * 4
    said = [
        "is cut off",
        "not an image",
        "cannot be read: No such file",
        "cannot be read: Is a dir",
    ]
    for path, line, complaint in zip(paths, findings.lines, said, strict=True):
        assert line.startswith(f"{path}: {complaint}")
