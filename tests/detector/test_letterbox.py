"""The letterbox: where an image is placed, what surrounds it, and how boxes map back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detector.detections import Float32Array
from detector.letterbox import PAD_VALUE, Letterbox

sizes = st.tuples(st.integers(1, 4096), st.integers(1, 4096))
small_sizes = st.tuples(st.integers(1, 300), st.integers(1, 300))


@st.composite
def boxes_within(draw: st.DrawFn, height: int, width: int) -> Float32Array:
    fractions = st.floats(0, 1, width=32)
    rows = draw(st.lists(st.tuples(fractions, fractions, fractions, fractions), max_size=5))
    unit = np.array(rows, np.float32).reshape(-1, 4)
    unit = np.concatenate([np.minimum(unit[:, :2], unit[:, 2:]), unit.max(1, keepdims=True)], 1)
    unit = np.concatenate([unit, unit[:, 2:]], 1)
    return unit * np.array([width, height, width, height], np.float32)


@pytest.mark.parametrize(
    ("source", "size", "resized", "corner"),
    [
        ((432, 768), (640, 640), (360, 640), (140, 0)),
        ((1080, 1920), (640, 640), (360, 640), (140, 0)),
        ((512, 773), (640, 640), (424, 640), (108, 0)),
        ((479, 359), (640, 640), (640, 480), (0, 80)),
        ((640, 640), (640, 640), (640, 640), (0, 0)),
        ((1, 1), (640, 640), (640, 640), (0, 0)),
        ((16, 16), (384, 640), (384, 384), (0, 128)),
        ((1, 4096), (640, 640), (1, 640), (319, 0)),
        ((4096, 1), (320, 320), (320, 1), (0, 159)),
    ],
)
def test_an_image_is_scaled_to_fit_and_centred(
    source: tuple[int, int],
    size: tuple[int, int],
    resized: tuple[int, int],
    corner: tuple[int, int],
) -> None:
    assert Letterbox.fit(source, size) == Letterbox(source, size, resized, corner)


@given(source=sizes, size=sizes)
@example(source=(479, 359), size=(640, 640))
def test_the_image_fills_one_side_and_stays_within_the_input(
    source: tuple[int, int], size: tuple[int, int]
) -> None:
    letterbox = Letterbox.fit(source, size)
    for axis in (0, 1):
        before = letterbox.corner[axis]
        after = size[axis] - letterbox.resized[axis] - before
        assert 0 <= before <= after <= before + 1
    assert letterbox.resized[0] == size[0] or letterbox.resized[1] == size[1]


@given(source=sizes, size=sizes, data=st.data())
@example(source=(1, 1), size=(1, 1), data=None)
@example(source=(479, 359), size=(640, 640), data=None)
def test_boxes_map_there_and_back(
    source: tuple[int, int], size: tuple[int, int], data: st.DataObject | None
) -> None:
    letterbox = Letterbox.fit(source, size)
    whole = np.array([[0, 0, source[1], source[0]]], np.float32)
    boxes = whole if data is None else np.concatenate([whole, data.draw(boxes_within(*source))])
    there = letterbox.to_letterboxed(boxes)
    back = letterbox.to_source(there)
    assert there.dtype == back.dtype == np.float32
    # float32 rounds the letterboxed coordinate: the error grows with source pixels per input pixel
    unit = np.finfo(np.float32).eps * max(*size, *source)
    pixel = max(1, source[0] / letterbox.resized[0], source[1] / letterbox.resized[1])
    np.testing.assert_allclose(back, boxes, rtol=0, atol=4 * unit * pixel)


@given(source=sizes, size=sizes)
def test_the_box_of_the_whole_image_is_the_area_it_was_resized_to(
    source: tuple[int, int], size: tuple[int, int]
) -> None:
    letterbox = Letterbox.fit(source, size)
    (top, left), (height, width) = letterbox.corner, letterbox.resized
    whole = np.array([[0, 0, source[1], source[0]]], np.float32)
    expected = [[left, top, left + width, top + height]]
    np.testing.assert_allclose(letterbox.to_letterboxed(whole), expected, rtol=1e-6, atol=1e-3)


@settings(deadline=None)
@given(source=small_sizes, size=small_sizes)
@example(source=(1, 1), size=(64, 64))
@example(source=(16, 16), size=(64, 96))
@example(source=(479, 359), size=(64, 64))
@example(source=(1, 300), size=(64, 64))
def test_an_image_of_one_colour_has_sharp_edges_to_the_padding(
    source: tuple[int, int], size: tuple[int, int]
) -> None:
    letterbox = Letterbox.fit(source, size)
    colour = (250, 3, 90)
    expected = np.full((*size, 3), PAD_VALUE, np.uint8)
    (top, left), (height, width) = letterbox.corner, letterbox.resized
    expected[top : top + height, left : left + width] = colour
    image = np.full((*source, 3), colour, np.uint8)
    letterboxed = letterbox.apply(image)
    np.testing.assert_array_equal(letterboxed, expected)
    np.testing.assert_array_equal(
        letterbox.inside(letterboxed), expected[top:, left:][:height, :width]
    )


@given(source=sizes, size=small_sizes)
def test_boxes_in_the_padding_are_clipped_to_the_image(
    source: tuple[int, int], size: tuple[int, int]
) -> None:
    height, width = source
    everything = np.array([[-50, -50, size[1] + 50, size[0] + 50]], np.float32)
    boxes = Letterbox.fit(source, size).to_source(everything)
    np.testing.assert_array_equal(boxes, [[0, 0, width, height]])


def test_a_bright_rectangle_is_where_its_box_is_mapped_to() -> None:
    image = np.zeros((479, 359, 3), np.uint8)
    image[100:300, 40:140] = 255
    letterbox = Letterbox.fit((479, 359), (320, 320))
    rows, columns = np.nonzero(letterbox.apply(image)[..., 0] > 127)
    inside = [c for c in columns if letterbox.corner[1] <= c]
    found = [[min(inside), rows.min(), max(inside) + 1, rows.max() + 1]]
    box = np.array([[40, 100, 140, 300]], np.float32)
    np.testing.assert_allclose(letterbox.to_letterboxed(box), found, atol=1)


@pytest.mark.parametrize("length", [1024, 1023, 264])
def test_a_fine_pattern_shrinks_to_its_average(length: int) -> None:
    image = np.zeros((length, length, 3), np.uint8)
    image[:, ::4] = 255  # a quarter of the columns: sampling each eighth would give all or none
    small = Letterbox.fit((length, length), (128, 128)).apply(image)
    assert abs(float(small.mean()) - 255 / 4) < 1


def test_one_image_of_a_batch_is_written_in_place_and_the_others_are_untouched() -> None:
    image = np.random.default_rng(1).integers(0, 255, (90, 160, 3), np.uint8)
    image.flags.writeable = False
    letterbox = Letterbox.fit((90, 160), (64, 64))
    batch = np.full((3, 64, 64, 3), 7, np.uint8)
    written = letterbox.apply(image, out=batch[1])
    assert np.shares_memory(written, batch)
    np.testing.assert_array_equal(batch[1], letterbox.apply(image))
    assert (batch[[0, 2]] == 7).all()


def test_empty_arrays_of_boxes_stay_empty() -> None:
    letterbox = Letterbox.fit((90, 160), (64, 64))
    none = np.zeros((0, 4), np.float32)
    assert letterbox.to_source(none).shape == letterbox.to_letterboxed(none).shape == (0, 4)
