"""Drawn frames: only tracks and lines are drawn, the rest is unchanged, and labels are legible."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.detections import UInt8Array
from detector.yuv.planes import Planes
from pipeline.frames.frame import Frame
from pipeline.frames.picture import Picture
from pipeline.frames.result import Tracked
from pipeline.frames.stream import Stream
from pipeline.stages.annotate import Annotate
from trackers.tracks import Tracks, TrackState

NAMES = ("person", "bicycle", "car")
GREY = 90  # a colour that is never drawn
Box = tuple[float, float, float, float]


def tracked(
    bgr: UInt8Array,
    boxes: list[Box],
    ids: list[int] | None = None,
    state: TrackState = TrackState.CONFIRMED,
) -> Tracked:
    stream = Stream("street", "street.mp4", Fraction(1, 25))
    frame = Frame(stream, 0, 0, 0, Fraction(1, 25), 0.0, Picture.of(bgr))
    n = len(boxes)
    tracks = Tracks(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.full(n, 0.91, np.float32),
        np.arange(n) % 3,
        np.array(list(range(1, n + 1)) if ids is None else ids, np.int64),
        np.full(n, state, np.int8),
    )
    return Tracked(frame, tracks)


def decoded(bgr: UInt8Array) -> Picture:
    """Return a picture as a decoder gives it, with planes."""
    made = Planes.of_bgr(bgr)
    return Picture(bgr.shape[1], bgr.shape[0], lambda: bgr, to_planes=lambda: made)


def grey(height: int, width: int) -> UInt8Array:
    return np.full((height, width, 3), GREY, np.uint8)


def planes(item: Tracked, clear: tuple[int, int] = (0, 0)) -> Planes:
    (result,) = Annotate(NAMES, clear).process(item)
    assert result.frame is item.frame and result.tracks is item.tracks
    assert result.drawn is not None
    return result.drawn


def drawn(item: Tracked, clear: tuple[int, int] = (0, 0)) -> UInt8Array:
    return planes(item, clear).bgr()


def contrast(a: UInt8Array, b: UInt8Array) -> float:
    """Return the contrast ratio of two BGR colours as WCAG 2.1 defines it, 1 to 21."""
    weights = np.array([0.0722, 0.7152, 0.2126])
    both = np.array([a, b]) / 255
    linear = np.where(both <= 0.04045, both / 12.92, ((both + 0.055) / 1.055) ** 2.4)
    low, high = sorted((linear @ weights).tolist())
    return float((high + 0.05) / (low + 0.05))


def test_a_box_is_drawn_within_its_edges_and_its_inside_is_unchanged() -> None:
    image = drawn(tracked(grey(432, 768), [(200, 150, 400, 350)]))
    colour = image[250, 200]
    assert (colour != GREY).any()
    for y, x in [(349, 300), (250, 399)]:
        np.testing.assert_array_equal(image[y, x], colour)
    assert (image[155:345, 205:395] == GREY).all()
    assert (image[350:] == GREY).all()
    assert (image[:, :200] == GREY).all()
    assert (image[150:, 400:] == GREY).all()


def test_the_source_image_is_unchanged_and_the_drawn_one_is_read_only() -> None:
    item = tracked(grey(432, 768), [(200, 150, 400, 350)])
    item = replace(item, frame=replace(item.frame, picture=decoded(grey(432, 768))))
    image = planes(item)
    assert (item.frame.picture.planes.bgr() == GREY).all() and (image.bgr() != GREY).any()
    assert not any(plane.flags.writeable for plane in image.all)


@pytest.mark.parametrize("state", [TrackState.TENTATIVE, TrackState.LOST])
def test_only_confirmed_tracks_are_drawn(state: TrackState) -> None:
    assert (drawn(tracked(grey(432, 768), [(200, 150, 400, 350)], state=state)) == GREY).all()


def test_without_tracks_the_source_image_is_used_without_a_copy() -> None:
    item = tracked(grey(432, 768), [])
    item = replace(item, frame=replace(item.frame, picture=decoded(grey(432, 768))))
    assert planes(item) is item.frame.picture.planes


def test_sixteen_consecutive_identities_have_sixteen_fixed_colours() -> None:
    ids = list(range(7, 23))
    boxes: list[Box] = [(20 + 90.0 * (i % 8), 60 + 180.0 * (i // 8), 0, 0) for i in range(16)]
    boxes = [(x, y, x + 60, y + 80) for x, y, _, _ in boxes]
    image = drawn(tracked(grey(432, 768), boxes, ids))
    again = drawn(tracked(grey(432, 768), boxes[::-1], ids))
    at_left_edge = [(int(y) + 40, int(x)) for x, y, _, _ in boxes]
    colours = [tuple(image[spot].tolist()) for spot in at_left_edge]
    assert len(set(colours)) == 16
    assert [tuple(again[spot].tolist()) for spot in at_left_edge[::-1]] == colours


@pytest.mark.parametrize("identity", range(16))
def test_text_has_enough_contrast_to_its_background(identity: int) -> None:
    image = drawn(tracked(grey(432, 768), [(200, 150, 400, 350)], [identity]))
    background = image[250, 200]
    label = image[130:149, 203:290].reshape(-1, 3)
    text = max(label, key=lambda pixel: int(np.abs(pixel.astype(int) - background).sum()))
    assert contrast(background, text) > 3, (background, text)  # WCAG 2.1 for bold text


def text_pixels(image: Planes) -> int:
    """Return how many pixels have the white of letters."""
    return int((image.luma == 235).sum())


@pytest.mark.parametrize(
    "box",
    [
        (0, 0, 60, 60),
        (700, 0, 768, 60),
        (0, 400, 30, 432),
        (740, 400, 768, 432),
        (-80, -80, 20, 20),
        (760, 425, 900, 500),
        (300, 5, 500, 100),
    ],
)
def test_a_label_is_complete_wherever_its_box_is(box: Box) -> None:
    in_the_middle = planes(tracked(grey(432, 768), [(300, 200, 400, 300)]))
    assert text_pixels(in_the_middle) > 50
    assert text_pixels(planes(tracked(grey(432, 768), [box]))) == text_pixels(in_the_middle)


def test_a_label_avoids_the_frame_counter() -> None:
    in_the_middle = planes(tracked(grey(432, 768), [(300, 200, 400, 300)]))
    for box in [(40, 0, 200, 200), (500, 22, 600, 200), (100, 12, 160, 80)]:
        below = planes(tracked(grey(432, 768), [box]), clear=(512, 16))
        assert text_pixels(below) == text_pixels(in_the_middle)


coordinate = st.floats(-50, 900, width=32)
boxes = st.lists(st.tuples(coordinate, coordinate, coordinate, coordinate), max_size=8)


@settings(deadline=None, max_examples=50)
@given(boxes=boxes)
def test_the_frame_counter_is_never_covered(boxes: list[Box]) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (432, 768, 3), np.uint8)
    found = planes(tracked(noise, boxes), clear=(512, 16))
    source = Planes.of_bgr(noise)
    np.testing.assert_array_equal(found.luma[:16, :512], source.luma[:16, :512])
    np.testing.assert_array_equal(found.cb[:8, :256], source.cb[:8, :256])
    np.testing.assert_array_equal(found.cr[:8, :256], source.cr[:8, :256])


@settings(deadline=None, max_examples=50)
@given(height=st.integers(1, 80), width=st.integers(1, 80), boxes=boxes)
def test_frames_of_any_size_can_be_drawn_on(height: int, width: int, boxes: list[Box]) -> None:
    assert drawn(tracked(grey(height, width), boxes)).shape == (height, width, 3)


def test_letters_and_lines_grow_with_the_frame() -> None:
    small = drawn(tracked(grey(432, 768), [(300, 200, 400, 300)]))
    large = drawn(tracked(grey(2160, 3840), [(1500, 1000, 2000, 1500)]))
    changed = [np.flatnonzero((p != GREY).any(axis=2).any(axis=1)) for p in (small, large)]
    label_heights = [200 - int(changed[0][0]), 1000 - int(changed[1][0])]
    assert label_heights[1] / label_heights[0] == pytest.approx(5, rel=0.1)


def test_a_detection_without_identity_is_labelled_and_coloured_by_its_class() -> None:
    box = (300.0, 200.0, 400.0, 300.0)
    untracked = drawn(tracked(grey(432, 768), [box], [-1]))
    person_zero = drawn(tracked(grey(432, 768), [box], [0]))
    np.testing.assert_array_equal(untracked[250, 300], person_zero[250, 300])
    widths = [int((p[198] != GREY).any(axis=1).sum()) for p in (untracked, person_zero)]
    assert widths[0] < widths[1]  # "person 0.91" and "person 0 0.91"
