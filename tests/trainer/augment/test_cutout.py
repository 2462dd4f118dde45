"""Cutouts have the outline of their objects, and pasting moves boxes with their pixels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from detector.detections import Float32Array, UInt8Array
from trainer.augment.augmenter import Augmenter, AugmentOptions
from trainer.augment.cutout import Cutout, cut_out
from trainer.augment.paste import pasted
from trainer.data.labelled_image import LabelledImage
from trainer.data.samples import IGNORED, Sample

SIZE = (160, 240)  # height, width
RED, BLUE = (200, 30, 30), (30, 30, 200)
Ellipse = tuple[tuple[int, int], tuple[int, int], tuple[int, int, int]]


def ground() -> UInt8Array:
    return np.random.default_rng(0).normal(120, 8, (*SIZE, 3)).clip(0, 255).astype(np.uint8)


def drawn(*ellipses: Ellipse) -> tuple[LabelledImage, Float32Array]:
    """Return an image of ellipses (centre, half axes, colour) of classes 0, 1, ..., and a mask."""
    image, shape = ground(), np.zeros(SIZE, np.uint8)
    boxes = []
    for (x, y), (a, b), colour in ellipses:
        cv2.ellipse(image, (x, y), (a, b), 0, 0, 360, colour, cv2.FILLED)
        cv2.ellipse(shape, (x, y), (a, b), 0, 0, 360, 1, cv2.FILLED)
        boxes.append([x - a, y - b, x + a + 1, y + b + 1])
    labelled = LabelledImage(image, np.array(boxes, np.float32), np.arange(len(boxes)))
    return labelled, shape.astype(np.float32)


def test_a_cutout_has_the_outline_of_its_object() -> None:
    labelled, shape = drawn(((100, 80), (20, 40), RED))
    (cutout,) = cut_out([labelled])
    found, true = cutout.opacity > 0.5, shape[40:121, 80:121] > 0
    assert found.shape == true.shape
    assert (found & true).sum() / (found | true).sum() > 0.95
    assert cutout.objects.boxes_xyxy.tolist() == [[0, 0, 41, 81]]
    assert cutout.corner == (80, 40)


def test_objects_that_touch_stay_together() -> None:
    labelled, _ = drawn(
        ((60, 80), (20, 30), RED), ((90, 80), (20, 30), BLUE), ((180, 60), (20, 20), RED)
    )
    both, single = cut_out([labelled, labelled])  # once, although the image occurs twice
    assert both.objects.class_ids.tolist() == [0, 1] and both.objects.size == (61, 71)
    assert single.objects.class_ids.tolist() == [2]


@pytest.mark.parametrize(
    "ellipse",
    [((10, 80), (20, 30), RED), ((100, 80), (5, 5), RED)],
    ids=["at the border", "very small"],
)
def test_objects_at_the_border_and_small_objects_are_left_out(ellipse: Ellipse) -> None:
    assert cut_out([drawn(ellipse)[0]]) == []


def test_objects_that_touch_a_region_to_ignore_are_left_out() -> None:
    labelled, _ = drawn(((60, 80), (20, 30), RED), ((90, 80), (20, 30), BLUE))
    assert (
        cut_out([LabelledImage(labelled.image, labelled.boxes_xyxy, np.array([0, IGNORED]))]) == []
    )


def test_a_box_of_plain_background_has_no_outline() -> None:
    box = np.array([[50, 50, 90, 90]], np.float32)
    assert cut_out([LabelledImage(ground(), box, np.array([0]))]) == []


def test_boxes_lie_on_the_pasted_pixels() -> None:
    object_ = np.ones((40, 20), np.float32)
    cutout = Cutout(
        LabelledImage(
            np.full((40, 20, 3), RED, np.uint8),
            np.array([[0, 0, 20, 40]], np.float32),
            np.array([3]),
        ),
        object_,
        (50, 60),
    )
    empty = LabelledImage(
        np.full((*SIZE, 3), 114, np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
    )
    compared = cut_off = objects = 0
    for seed in range(100):
        labelled = pasted(empty, [cutout], np.random.default_rng(seed), 0.1)
        changed = (labelled.image != 114).any(axis=2)
        marked = np.zeros(SIZE, bool)
        for left, top, right, bottom in labelled.boxes_xyxy.round().astype(int):
            marked[top:bottom, left:right] = True
            cut_off += left == 0 or top == 0 or right == SIZE[1] or bottom == SIZE[0]
            compared += 1
        assert not (marked & ~changed).any()
        assert set(labelled.class_ids.tolist()) <= {3, IGNORED}
        objects += int((labelled.class_ids == 3).sum())
    assert objects > 0.9 * compared
    assert compared > 100 and 0.2 < cut_off / compared < 0.8


def test_a_black_object_is_also_pasted_in_light_colours_at_its_place() -> None:
    black, _ = drawn(((100, 80), (20, 40), (0, 0, 0)))
    cutouts = cut_out([black])
    empty = LabelledImage(ground(), np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    lightest, home = 0.0, black.boxes_xyxy[0].tolist()
    for seed in range(100):
        labelled = pasted(empty, cutouts, np.random.default_rng(seed), 0.1)
        if home in labelled.boxes_xyxy.tolist():
            lightest = max(lightest, float(labelled.image[70:90, 95:105].mean()))
    assert lightest > 150


def test_pasting_leaves_other_objects_visible() -> None:
    large, _ = drawn(((120, 80), (60, 70), RED))
    labelled, _ = drawn(((120, 80), (30, 30), BLUE))
    cutouts = cut_out([large])
    for seed in range(50):
        result = pasted(labelled, cutouts, np.random.default_rng(seed), 0.1)
        left, top, right, bottom = labelled.boxes_xyxy[0].astype(int)
        visible = (result.image == labelled.image).all(axis=2)[top:bottom, left:right]
        assert visible.mean() > 1 - 3 * 0.3


class OneOfTwo:
    """An image with an object, and one without."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Sample:
        labelled, _ = drawn(((100, 80), (20, 40), RED))
        none = np.zeros((0, 4), np.float32)
        if index == 0:
            return Sample(labelled.image, labelled.boxes_xyxy, labelled.class_ids, "object", none)
        return Sample(ground(), none, np.zeros(0, np.int64), "ground", none)


@pytest.mark.parametrize(("paste_in", "seen"), [(0.0, False), (1.0, True)])
def test_objects_are_pasted_only_if_configured(paste_in: float, seen: bool) -> None:
    options = AugmentOptions(mosaic=0, scale=0, translate=0, paste_in=paste_in)
    augment = Augmenter(OneOfTwo(), SIZE, options, seed=0)
    assert any(len(augment.augmented(1, epoch)[1]) for epoch in range(10)) == seen
