"""JPEG images in any surroundings: each comes out once, as soon as it is complete."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sources.live.jpeg_splitter import MAX_JPEG, JpegSplitter


def jpeg(seed: int, *options: int) -> bytes:
    bgr = np.random.default_rng(seed).integers(0, 256, (48, 64, 3), np.uint8)
    done, data = cv2.imencode(".jpg", bgr, list(options))
    assert done
    return bytes(data)


IMAGES = [
    jpeg(0),
    jpeg(1, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    jpeg(2, cv2.IMWRITE_JPEG_RST_INTERVAL, 1),
]
# a comment that holds a boundary and another image
COMMENT = b"\r\n--frame\r\n\r\n" + IMAGES[0][:200]
IMAGES.append(
    IMAGES[0][:2] + b"\xff\xfe" + (len(COMMENT) + 2).to_bytes(2, "big") + COMMENT + IMAGES[0][2:]
)
GAPS = st.sampled_from(
    [
        b"",
        b"\r\n--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 7\r\n\r\n",
        b"frame\r\n\r\n",
        b"Content-Type: image/jpeg\n\n",
        b"\xff\xff\xd8\r\n",
    ]
)


@settings(max_examples=200, deadline=None)
@given(
    parts=st.lists(st.tuples(GAPS, st.sampled_from(IMAGES)), max_size=5),
    sizes=st.lists(st.integers(1, 4000), min_size=1, max_size=50),
)
def test_every_image_comes_out_once_however_the_bytes_arrive(
    parts: list[tuple[bytes, bytes]], sizes: list[int]
) -> None:
    sent = io.BytesIO(b"".join(gap + image for gap, image in parts))
    splitter, found = JpegSplitter(), []
    for size in sizes * 4000:
        if not (data := sent.read(size)):
            break
        found += splitter.feed(data)
    assert found == [image for _, image in parts][: len(found)]
    if not sent.read(1):
        assert len(found) == len(parts)  # without waiting for what follows


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.binary(max_size=50)
        | st.sampled_from(
            [b"\xff\xd8\xff", b"\xff\xda\x00\x02", b"\xff\xd9", b"\xff\xe0\xff\xff", b"\xff"]
        ),
        max_size=60,
    )
)
def test_any_bytes_are_split_without_loss_of_the_images_behind_them(pieces: list[bytes]) -> None:
    splitter = JpegSplitter()
    found = [image for piece in pieces for image in splitter.feed(piece)]
    assert sum(map(len, found)) <= sum(map(len, pieces))
    # whatever was begun ends at the latest after a segment of the greatest length
    for _ in range(100):
        found = splitter.feed(b"\r\n--frame\r\n\r\n" + IMAGES[0])
    assert found[-1:] == [IMAGES[0]]


def test_an_unfinished_image_ends_where_the_next_one_starts() -> None:
    cut = IMAGES[0][:-300]
    found = JpegSplitter().feed(cut + b"\r\n--frame\r\n\r\n" + IMAGES[2])
    assert [image[:50] for image in found] == [cut[:50], IMAGES[2][:50]]


@pytest.mark.parametrize("begin", [b"", b"\xff\xd8\xff\xda\x00\x02", b"\xff\xd8\xff\xe0\xff\xf0"])
def test_an_image_without_an_end_is_given_up(begin: bytes) -> None:
    splitter, piece = JpegSplitter(), bytes(1 << 20)
    splitter.feed(begin)
    for _ in range(3 * MAX_JPEG // len(piece)):
        assert len(splitter.feed(piece)) <= 1
        assert len(splitter._buffer) <= MAX_JPEG + len(piece)
    assert splitter.too_long == (begin[2:4] == b"\xff\xda")
