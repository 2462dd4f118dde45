"""The frame counter is read as drawn, also after a tint and H.264, or not at all."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.detections import UInt8Array
from pipeline.sources.street.frame_counter import draw_counter, read_counter
from pipeline.sources.synthetic import Synthetic


@settings(deadline=None)  # the machine may be busy
@given(number=st.integers(0, 2**24 - 1))
def test_the_number_that_was_drawn_is_read(number: int) -> None:
    image = np.full((32, 520, 3), 90, np.uint8)
    draw_counter(image, number)
    assert read_counter(image) == number


def test_the_counter_wraps_at_24_bits() -> None:
    image = np.zeros((16, 512, 3), np.uint8)
    draw_counter(image, 2**24 + 5)
    assert read_counter(image) == 5


@settings(deadline=None)  # the machine may be busy
@given(number=st.integers(0, 2**24 - 1), cell=st.integers(0, 31))
def test_a_counter_with_one_wrong_cell_is_refused(number: int, cell: int) -> None:
    image = np.zeros((16, 512, 3), np.uint8)
    draw_counter(image, number)
    area = image[:, cell * 16 : cell * 16 + 16]
    area[:] = 255 - area
    assert read_counter(image) is None


@pytest.mark.parametrize("value", [0, 60, 128, 255])
def test_a_plain_image_carries_no_counter(value: int) -> None:
    assert read_counter(np.full((432, 768, 3), value, np.uint8)) is None


def test_frames_without_a_counter_give_none() -> None:
    source = Synthetic("synthetic:1", width=512, height=288, counter=False)
    assert read_counter(source.draw(0)) is None
    assert read_counter(Synthetic("synthetic:1", width=512, height=288).draw(0)[:, :500]) is None


def test_the_counter_survives_a_tint() -> None:
    image = np.zeros((16, 512, 3), np.uint8)
    draw_counter(image, 123456)
    tinted = (image * np.array([0.6, 0.9, 0.8]) + np.array([50, 10, 0])).clip(0, 255)
    assert read_counter(tinted.astype(np.uint8)) == 123456


def test_the_counter_survives_h264_at_a_poor_quality() -> None:
    source = Synthetic("synthetic:0", width=512, height=288)
    frames = _through_h264([source.draw(index) for index in range(12)], crf=40)
    assert [read_counter(frame) for frame in frames] == list(range(12))


def _through_h264(images: list[UInt8Array], crf: int) -> list[UInt8Array]:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": str(crf)})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))
    buffer.seek(0)
    with av.open(buffer) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
