"""A JPEG is complete if its own bytes reach its end, whatever lies behind or inside it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.jpeg import is_jpeg, structure_of

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (70, 90, 3), np.uint8)
BEHIND = b"\0\0\0\x18ftypmp42" + RNG.integers(0, 256, 50_000, np.uint8).tobytes()


def encoded(*options: int, image: Any = NOISE) -> bytes:
    return bytes(cv2.imencode(".jpg", image, list(options))[1].tobytes())


VARIANTS = {
    "baseline": encoded(),
    "progressive": encoded(cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "restarts": encoded(cv2.IMWRITE_JPEG_RST_INTERVAL, 2),
    "grey": encoded(image=NOISE[..., 0]),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_whole_jpeg_is_complete_with_anything_behind_it(name: str) -> None:
    data = VARIANTS[name]
    for whole in (data, data + BEHIND, data + data[: len(data) // 2]):
        assert structure_of(whole) == ((70, 90), True)


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
def test_a_jpeg_that_is_cut_off_is_not_even_with_another_file_behind_it(
    name: str, share: float
) -> None:
    data = VARIANTS[name]
    part = data[: int(share * len(data))]
    assert not structure_of(part).complete
    assert not structure_of(part + b"\0\0\0\x18ftypmp42" + bytes(1000)).complete


def test_a_thumbnail_inside_a_segment_is_not_the_image() -> None:
    data, thumbnail = VARIANTS["baseline"], encoded(image=NOISE[:16, :16])
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    inside = data[:2] + segment + data[2:]
    assert structure_of(inside) == ((70, 90), True)
    assert not structure_of(inside[: len(inside) // 2]).complete


def test_fill_bytes_before_a_marker_are_skipped() -> None:
    data = VARIANTS["baseline"]
    assert structure_of(data[:-2] + b"\xff\xff\xff\xd9") == ((70, 90), True)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 2000))
def test_any_bytes_have_a_structure(behind: bytes, cut: int) -> None:
    for data in (behind, b"\xff\xd8\xff" + behind, VARIANTS["baseline"][:cut] + behind):
        structure_of(data)
    assert is_jpeg(b"\xff\xd8\xff" + behind)
