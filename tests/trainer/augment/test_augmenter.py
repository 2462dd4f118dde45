"""Augmentation moves boxes together with their pixels."""

from __future__ import annotations

import colorsys
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.detections import Float32Array, UInt8Array
from trainer.augment.augmenter import Augmenter, AugmentOptions
from trainer.augment.colour import jitter
from trainer.augment.mixup import mixed
from trainer.augment.warp import View, warped
from trainer.data.labelled_image import LabelledImage, cut
from trainer.data.samples import IGNORED, Sample

SIZE = (128, 224)  # height, width
STILL: dict[str, Any] = {"hsv_h": 0, "hsv_s": 0, "hsv_v": 0}
# blends of two, along edges, are far from all of them
COLOURS = np.array([(r, g, b) for r in (0, 255) for g in (0, 255) for b in (0, 255)])


class Painted:
    """Images of various sizes, each with a bar of its own colour, whose class is its number."""

    def __init__(self) -> None:
        rng = np.random.default_rng(5)
        self._sizes = rng.integers(100, 400, (len(COLOURS), 2)).tolist()
        self._corners = rng.uniform(0, 0.6, (len(COLOURS), 2))

    def __len__(self) -> int:
        return len(COLOURS)

    def __getitem__(self, index: int) -> Sample:
        height, width = self._sizes[index]
        image = np.full((height, width, 3), 114, np.uint8)
        left, top = (self._corners[index] * (width, height)).astype(int)
        right, bottom = left + width // 3, top + height // 3
        image[top:bottom, left:right] = COLOURS[index]
        box = np.array([[left, top, right, bottom]], np.float32)
        none = np.zeros((0, 4), np.float32)
        return Sample(image, box, np.array([index]), str(index), none)


class PaintedRegions(Painted):
    """The same images, with regions to ignore instead of objects."""

    def __getitem__(self, index: int) -> Sample:
        sample = super().__getitem__(index)
        none = np.zeros((0, 4), np.float32)
        return Sample(sample.image, none, np.zeros(0, np.int64), sample.key, sample.boxes_xyxy)


PAINTED = Painted()


def box_of_colour(image: UInt8Array, colour: Any) -> tuple[Float32Array, int]:
    """Return the bounding box of the pixels of a colour, xyxy, and their number."""
    ys, xs = np.nonzero(np.abs(image.astype(int) - colour).max(axis=2) <= 56)
    if len(xs) == 0:
        return np.zeros(4, np.float32), 0
    box: Float32Array = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], np.float32)
    return box, len(xs)


def to_pixels(targets: Float32Array) -> Float32Array:
    size = np.array(SIZE[::-1] * 2)
    centre, half = targets[:, 1:3], targets[:, 3:5] / 2
    boxes: Float32Array = (np.hstack([centre - half, centre + half]) * size).astype(np.float32)
    return boxes


@pytest.mark.parametrize(
    "options",
    [
        {"mosaic": 0.0},
        {"mosaic": 1.0},
        {"nine": 1.0},
        {"mosaic": 0.0, "fliplr": 0, "flipud": 1.0},
        {"mosaic": 0.0, "rotate": 180.0, "scale": 0.7},
        {"mosaic": 0.0, "shear": 30.0, "perspective": 0.001},
    ],
    ids=str,
)
def test_targets_lie_on_the_pixels_of_their_objects(options: dict[str, Any]) -> None:
    given = {"scale": 0.9, "translate": 0.2, **STILL, **options}
    augment = Augmenter(PAINTED, SIZE, AugmentOptions(**given), seed=1)
    axis_aligned = not {"rotate", "shear"} & set(options)
    compared = 0
    for index, epoch in product(range(len(augment)), range(16)):
        image, targets = augment.augmented(index, epoch)
        assert image.shape == (*SIZE, 3) and targets.dtype == np.float32
        for number, box in zip(targets[:, 0].astype(int), to_pixels(targets), strict=True):
            if number == IGNORED or (box[2:] - box[:2]).min() < 4:
                continue  # too thin to have a pixel of pure colour
            if not axis_aligned and not (box.min() > 0 and (box[2:] < SIZE[::-1]).all()):
                continue  # a rotated box that is cut off shows less than its corners say
            left, top = np.maximum(
                box[:2].astype(int) - 4, 0
            )  # the object may be in the mosaic twice
            around = image[top : int(box[3]) + 5, left : int(box[2]) + 5]
            painted, pixels = box_of_colour(around, COLOURS[number])
            near = 1.5 if axis_aligned else 3.0  # a sharp corner has no pixel of pure colour
            np.testing.assert_allclose(painted + np.array([left, top, left, top]), box, atol=near)
            assert pixels > (0.8 if axis_aligned else 0.2) * np.prod(painted[2:] - painted[:2])
            compared += 1
    assert compared > 30


@pytest.mark.parametrize(
    "options",
    [{"mixup": 0.5, "flipud": 0.5, "nine": 0.5}, {"rotate": 30.0}, {"whole": 1.0}],
    ids=str,
)
def test_regions_to_ignore_are_moved_as_objects_are(options: dict[str, Any]) -> None:
    given = AugmentOptions(scale=0.9, **options)
    objects, regions = (Augmenter(each, SIZE, given, 3) for each in (PAINTED, PaintedRegions()))
    compared = 0
    for index, epoch in product(range(len(objects)), range(4)):
        image, targets = objects.augmented(index, epoch)
        image_again, ignored = regions.augmented(index, epoch)
        assert (image == image_again).all() and (ignored[:, 0] == IGNORED).all()
        boxes = ignored[:, 1:].tolist()
        assert all(box in boxes for box in targets[:, 1:].tolist())
        compared += len(targets)
    assert (
        compared > 30
        and len(objects.object_sides()) == len(PAINTED)
        and len(regions.object_sides()) == 0
    )


def test_every_clearly_visible_object_has_a_target() -> None:
    augment = Augmenter(PAINTED, SIZE, AugmentOptions(scale=0.6, **STILL), seed=2)
    seen = 0
    for index, epoch in product(range(len(augment)), range(10)):
        image, targets = augment.augmented(index, epoch)
        for number, colour in enumerate(COLOURS):
            box, pixels = box_of_colour(image, colour)
            if pixels > 2000 and pixels > 0.95 * np.prod(box[2:] - box[:2]):
                assert number in targets[:, 0]
                seen += 1
    assert seen > 20


@given(seed=st.integers(0, 2**32), index=st.integers(0, 7), epoch=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_targets_stay_inside_the_image(seed: int, index: int, epoch: int) -> None:
    options = AugmentOptions(scale=0.9, translate=0.5)
    _, targets = Augmenter(PAINTED, SIZE, options, seed).augmented(index, epoch)
    boxes = to_pixels(targets)
    assert (boxes > -0.01).all() and (boxes < np.array(SIZE[::-1] * 2) + 0.01).all()
    objects = boxes[targets[:, 0] != IGNORED]
    assert (objects[:, 2:] - objects[:, :2] >= 1.99).all()


def test_the_same_seed_epoch_and_position_give_the_same_image() -> None:
    first, again = (Augmenter(PAINTED, SIZE, AugmentOptions(), seed=4) for _ in range(2))
    again.augmented(3, 0)  # earlier calls make no difference
    image, targets = first.augmented(5, 6)
    image_again, targets_again = again.augmented(5, 6)
    assert (image == image_again).all() and (targets == targets_again).all()
    for index, epoch in ((5, 7), (6, 6)):
        assert (first.augmented(index, epoch)[0] != image).any()


def test_mosaics_end_after_mosaic_epochs() -> None:
    options = AugmentOptions(mosaic_epochs=3, scale=0.5)
    augment = Augmenter(PAINTED, SIZE, options, seed=0)
    for epochs, objects in ((range(3), 4), (range(3, 6), 1)):
        seen = [augment.augmented(i, epoch)[1] for i in range(len(augment)) for epoch in epochs]
        assert max(map(len, seen)) == objects


def test_a_mosaic_of_nine_shows_up_to_nine_objects() -> None:
    augment = Augmenter(PAINTED, SIZE, AugmentOptions(nine=1.0, scale=0.1), seed=0)
    seen = [len(augment.augmented(i, epoch)[1]) for i in range(len(augment)) for epoch in range(3)]
    assert 4 < max(seen) <= 9


def test_mixup_shows_two_images_and_the_objects_of_both() -> None:
    one = noise()
    other = LabelledImage(255 - one.image, one.boxes_xyxy + 1, one.class_ids + 1)
    made = [mixed(one, other, rng) for rng in map(np.random.default_rng, range(200))]
    for both in made:
        assert both.class_ids.tolist() == [0, 1, 1, 2]
        assert both.boxes_xyxy[:2].tolist() == one.boxes_xyxy.tolist()
        assert both.boxes_xyxy[2:].tolist() == other.boxes_xyxy.tolist()
    # the images add up to white and the mean share is one half, so the mean is grey
    mean = np.mean([both.image for both in made], axis=0)
    assert np.abs(mean - 127.5).max() < 8
    assert np.std([both.image[5, 5, 0] for both in made]) > 5


def test_mixup_occurs_with_its_probability() -> None:
    boxes = {
        mixup: sum(
            len(
                Augmenter(PAINTED, SIZE, AugmentOptions(mixup=mixup, scale=0), 1).augmented(i, 0)[1]
            )
            for i in range(len(COLOURS))
        )
        for mixup in (0.0, 1.0)
    }
    assert 1.5 * boxes[0.0] < boxes[1.0] < 2.5 * boxes[0.0]


@pytest.mark.parametrize("changes", [{"mosaic": 0, "scale": 0, "translate": 0}, {"whole": 1}])
def test_without_changes_an_image_is_only_letterboxed(changes: dict[str, Any]) -> None:
    augment = Augmenter(PAINTED, SIZE, AugmentOptions(fliplr=0, **changes, **STILL), seed=0)
    for index in range(len(augment)):
        image, targets = augment.augmented(index, 0)
        sample = PAINTED[index]
        height, width = sample.image.shape[:2]
        scale = min(SIZE[0] / height, SIZE[1] / width)
        sides = (sample.boxes_xyxy[:, 2:] - sample.boxes_xyxy[:, :2]) * scale
        np.testing.assert_allclose(targets[:, 3:] * np.array(SIZE[::-1]), sides, atol=1)
        painted, _ = box_of_colour(image, COLOURS[index])
        np.testing.assert_allclose(painted, to_pixels(targets)[0], atol=1)


def noise(height: int = 90, width: int = 140) -> LabelledImage:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (height, width, 3), np.uint8)
    boxes = np.array([[10, 20, 50, 60], [100, 5, 139, 30]], np.float32)
    return LabelledImage(image, boxes, np.array([0, 1]))


def test_two_horizontal_flips_give_the_image_itself() -> None:
    labelled = noise()
    once, twice = labelled.flipped(), labelled.flipped().flipped()
    assert (twice.image == labelled.image).all() and (twice.boxes_xyxy == labelled.boxes_xyxy).all()
    assert (once.image[:, 0] == labelled.image[:, -1]).all()
    assert once.boxes_xyxy.tolist() == [[90, 20, 130, 60], [1, 5, 40, 30]]


def test_two_vertical_flips_give_the_image_itself() -> None:
    labelled = noise()
    once, twice = labelled.flipped_vertically(), labelled.flipped_vertically().flipped_vertically()
    assert (twice.image == labelled.image).all() and (twice.boxes_xyxy == labelled.boxes_xyxy).all()
    assert (once.image[0] == labelled.image[-1]).all()
    assert once.boxes_xyxy.tolist() == [[10, 30, 50, 70], [100, 60, 139, 85]]


def test_a_quarter_turn_moves_all_pixels_and_boxes() -> None:
    labelled = noise()
    turned = warped(labelled, View(1, 0, 0, turn=np.pi / 2), (140, 90), 0.1)
    assert (turned.image == np.rot90(labelled.image, -1)).all()
    np.testing.assert_allclose(turned.boxes_xyxy, [[30, 10, 70, 50], [60, 100, 85, 139]], atol=1e-3)


def test_a_warp_that_changes_nothing_keeps_every_pixel() -> None:
    labelled = noise()
    same = warped(labelled, View(1, 0, 0), labelled.size, 0.1)
    assert (same.image == labelled.image).all()
    np.testing.assert_allclose(same.boxes_xyxy, labelled.boxes_xyxy, atol=1e-4)


def test_a_warp_to_half_size_averages_pixels() -> None:
    labelled = noise()
    small = warped(labelled, View(0.5, 0, 0), (45, 70), 0.1).image
    mean = labelled.image.reshape(45, 2, 70, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(small, mean, atol=1)


def test_an_object_that_is_mostly_cut_off_becomes_a_region_to_ignore() -> None:
    boxes = np.array(
        [[-10, 0, 20, 20], [-95, 0, 5, 20], [0, 0, 1.5, 20], [0, 0, 90, 4], [100, 0, 120, 20]],
        np.float32,
    )
    inside, class_ids = cut(boxes, np.arange(5), (100, 100), 0.1)
    assert class_ids.tolist() == [0, IGNORED, IGNORED, IGNORED]
    assert inside.tolist() == [[0, 0, 20, 20], [0, 0, 5, 20], [0, 0, 1.5, 20], [0, 0, 90, 4]]


def test_a_region_to_ignore_is_kept_however_little_is_left() -> None:
    boxes = np.array([[-95, 0, 5, 20], [0, 0, 90, 1], [-9, 0, 0, 20]], np.float32)
    inside, class_ids = cut(boxes, np.full(3, IGNORED), (100, 100), 0.1)
    assert class_ids.tolist() == [IGNORED] * 2
    assert inside.tolist() == [[0, 0, 5, 20], [0, 0, 90, 1]]


def test_gains_of_one_do_not_change_the_colours() -> None:
    image = noise().image
    assert np.abs(jitter(image, np.ones(3, np.float32)).astype(int) - image).max() <= 6


def test_gains_scale_hue_saturation_and_value() -> None:
    image, gains = noise().image, np.array([1.01, 0.6, 0.7], np.float32)
    changed = jitter(image, gains)
    for y, x in np.random.default_rng(1).integers(0, 90, (50, 2)):
        hue, saturation, value = colorsys.rgb_to_hsv(*(image[y, x] / 255))
        expected = colorsys.hsv_to_rgb(hue * gains[0] % 1, saturation * gains[1], value * gains[2])
        np.testing.assert_allclose(changed[y, x] / 255, expected, atol=0.05)


def test_published_options_depend_on_the_variant() -> None:
    tiny, large = (
        AugmentOptions().with_published_defaults(name) for name in ("yolov7-tiny", "yolov7-w6")
    )
    assert (tiny.scale, tiny.translate, large.scale, large.translate) == (0.5, 0.1, 0.9, 0.2)
    mine = AugmentOptions(scale=0.5).with_published_defaults("yolov7")
    assert (mine.scale, mine.translate) == (0.5, 0.2)
