"""Every accepted suffix is one that OpenCV decodes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.image_suffixes import IMAGE_SUFFIXES, is_image


@pytest.mark.parametrize("suffix", IMAGE_SUFFIXES)
def test_a_file_of_every_suffix_is_decoded(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"grey{suffix}"
    assert cv2.imwrite(str(path), np.full((8, 16, 3), 120, np.uint8))
    image = cv2.imread(str(path))
    assert image is not None and image.shape == (8, 16, 3)
    assert abs(int(image.mean()) - 120) <= 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.jpg", True), ("a.JPEG", True), ("b/a.Tif", True), ("a.txt", False), ("jpg", False)],
)
def test_the_suffix_says_whether_a_file_is_an_image(name: str, expected: bool) -> None:
    assert is_image(Path(name)) is expected
