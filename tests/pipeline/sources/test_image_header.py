"""The size of an image is read from its header, whatever the bytes are."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sources.image_header import ImageHeader, image_header

ENDINGS = (".bmp", ".jpg", ".png", ".tif", ".webp")


def encoded(ending: str, width: int = 21, height: int = 13) -> bytes:
    return cv2.imencode(ending, np.zeros((height, width, 3), np.uint8))[1].tobytes()


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_size_is_that_of_the_picture(ending: str) -> None:
    assert image_header(encoded(ending)) == ImageHeader(21, 13)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(ENDINGS), st.integers(0, 400), st.binary(max_size=12))
def test_any_bytes_give_a_size_or_none(ending: str, at: int, other: bytes) -> None:
    content = encoded(ending)
    for damaged in (content[:at], content[:at] + other + content[at + len(other) :]):
        header = image_header(damaged)
        assert header is None or header.width >= 0
