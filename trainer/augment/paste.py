"""Pasting: objects from other images, whole or cut off by the edge of the image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detector.detections import Float32Array
from trainer.augment.cutout import Cutout
from trainer.data.labelled_image import LabelledImage, cut

MAX_PASTED = 3  # objects pasted into one image
MIN_LONG_SIDE = 24  # pixels, of a pasted object
MAX_SCALE = 1.25
IN_PLACE = 0.4  # fraction of objects at their original place and size, perhaps recoloured
AT_AN_EDGE = 0.35  # fraction of the others that an edge of the image cuts off
RECOLOURED = 0.5  # fraction of the upper and lower halves that get another colour
TINT = 60  # levels; maximum distance of a new colour's channels from grey
WAIST = (0.3, 0.7)  # where the upper part ends, as a fraction of the height
BLUR = (0.1, 1.2)  # pixels; a shrunken object is sharper than a distant one
MAX_HIDDEN = 0.3  # fraction of another object that a paste may cover


def pasted(
    labelled: LabelledImage,
    cutouts: Sequence[Cutout],
    rng: np.random.Generator,
    min_visible: float,
) -> LabelledImage:
    """Return the image with up to `MAX_PASTED` cutouts pasted at random places and sizes.

    A cutout that would cover too much of another object is left out.
    """
    image = labelled.image.copy()
    boxes, class_ids = [labelled.boxes_xyxy], [labelled.class_ids]
    objects = labelled.objects_xyxy
    for _ in range(rng.integers(1, MAX_PASTED + 1)):
        cutout = _recoloured(cutouts[int(rng.integers(len(cutouts)))], rng)
        if rng.random() < IN_PLACE:
            left, top = cutout.corner
        else:
            cutout = _resized(cutout, rng)
            left, top = _random_corner(cutout.objects.size, labelled.size, rng)
        moved = cutout.objects.boxes_xyxy + np.array([left, top, left, top], np.float32)
        new, theirs = cut(moved, cutout.objects.class_ids, labelled.size, min_visible)
        if _hides(new, objects):
            continue
        _blend(cutout, image, left, top)
        objects = np.concatenate([objects, new])
        boxes.append(new)
        class_ids.append(theirs)
    return LabelledImage(image, np.concatenate(boxes), np.concatenate(class_ids))


def _resized(cutout: Cutout, rng: np.random.Generator) -> Cutout:
    """Return the cutout at a random size, uniform in its logarithm."""
    own = max(cutout.objects.size)
    smallest = min(MIN_LONG_SIDE, own)
    scale = np.exp(rng.uniform(np.log(smallest), np.log(MAX_SCALE * own))) / own
    return cutout.resized(float(scale), rng.uniform(*BLUR))


def _recoloured(cutout: Cutout, rng: np.random.Generator) -> Cutout:
    """Return the cutout with random mean colours of its upper and lower part, as clothes have.

    All shades are equally likely whatever the original's; texture is preserved.
    """
    labelled, opacity = cutout.objects, cutout.opacity[..., None]
    waist = round(labelled.size[0] * rng.uniform(*WAIST))
    image = labelled.image.astype(np.float32)
    for rows in (slice(waist), slice(waist, None)):
        if rng.random() < RECOLOURED:
            colour = rng.uniform(0, 255) + rng.uniform(-TINT, TINT, 3)
            own = (image[rows] * opacity[rows]).sum((0, 1)) / max(1.0, float(opacity[rows].sum()))
            image[rows] += colour - own
    recoloured = LabelledImage(
        image.round().clip(0, 255).astype(np.uint8), labelled.boxes_xyxy, labelled.class_ids
    )
    return Cutout(recoloured, cutout.opacity, cutout.corner)


def _random_corner(
    size: tuple[int, int], into: tuple[int, int], rng: np.random.Generator
) -> tuple[int, int]:
    """Return (left, top) of an object: inside if it fits, or across an edge."""
    spare = np.array(into[::-1]) - size[::-1]
    corner = rng.uniform(np.minimum(spare, 0), np.maximum(spare, 0))
    if rng.random() < AT_AN_EDGE:
        axis, seen = rng.integers(2), rng.uniform()
        side, limit = size[::-1][axis], into[::-1][axis]
        corner[axis] = rng.choice([(seen - 1) * side, limit - seen * side])
    left, top = corner.round().astype(int)
    return int(left), int(top)


def _hides(new: Float32Array, others: Float32Array) -> bool:
    """Return whether a `new` box covers too much of one of the `others`."""
    low = np.maximum(new[:, None, :2], others[None, :, :2])
    high = np.minimum(new[:, None, 2:], others[None, :, 2:])
    shared = (high - low).clip(0).prod(axis=2)
    return bool((shared > MAX_HIDDEN * (others[:, 2:] - others[:, :2]).prod(axis=1)).any())


def _blend(cutout: Cutout, image: np.ndarray, left: int, top: int) -> None:
    """Blend a cutout into `image` at a corner that may lie outside it."""
    height, width = cutout.objects.size
    rows = slice(max(0, -top), min(height, image.shape[0] - top))
    columns = slice(max(0, -left), min(width, image.shape[1] - left))
    target = image[top + rows.start : top + rows.stop, left + columns.start : left + columns.stop]
    opacity = cutout.opacity[rows, columns, None]
    target[:] = (target * (1 - opacity) + cutout.objects.image[rows, columns] * opacity).round()
