"""Pasting: objects of other pictures where none were, whole or cut off by the picture's edge."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detector.detections import Float32Array
from trainer.augment.cutout import Cutout
from trainer.data.labelled_image import Picture, cut

MOST = 3  # objects pasted into one picture
SMALLEST = 24  # pixels, the long side of what is pasted
LARGEST = 1.25  # times as large as the object was
AT_HOME = 0.4  # of the objects come where they were and as large: other clothes in the same place
AT_AN_EDGE = 0.35  # of the others are cut off by an edge of the picture
DYED = 0.5  # of the upper and lower parts of objects get another colour
TINT = 60  # levels; what a dye's red, green and blue are apart from grey
WAIST = (0.3, 0.7)  # where its upper part ends, as a share of its height
BLUR = (0.1, 1.2)  # pixels; what is made smaller is sharper than what a camera sees from afar
HIDDEN = 0.3  # most that a paste may hide of another object


def pasted(
    picture: Picture,
    cutouts: Sequence[Cutout],
    rng: np.random.Generator,
    least_visible: float,
) -> Picture:
    """Return the picture with up to `MOST` of the objects somewhere in it, at any size.

    What would hide too much of an object that is there already is left out.
    """
    image = picture.image.copy()
    boxes, class_ids = [picture.boxes_xyxy], [picture.class_ids]
    objects = picture.objects_xyxy
    for _ in range(rng.integers(1, MOST + 1)):
        cutout = _dyed(cutouts[int(rng.integers(len(cutouts)))], rng)
        if rng.random() < AT_HOME:
            left, top = cutout.corner
        else:
            cutout = _resized(cutout, rng)
            left, top = _place(cutout.picture.size, picture.size, rng)
        moved = cutout.picture.boxes_xyxy + np.array([left, top, left, top], np.float32)
        new, theirs = cut(moved, cutout.picture.class_ids, picture.size, least_visible)
        if _hides(new, objects):
            continue
        _blend(cutout, image, left, top)
        objects = np.concatenate([objects, new])
        boxes.append(new)
        class_ids.append(theirs)
    return Picture(image, np.concatenate(boxes), np.concatenate(class_ids))


def _resized(cutout: Cutout, rng: np.random.Generator) -> Cutout:
    """Return an object at a random size; all sizes by their logarithm."""
    own = max(cutout.picture.size)
    smallest = min(SMALLEST, own)
    scale = np.exp(rng.uniform(np.log(smallest), np.log(LARGEST * own))) / own
    return cutout.resized(float(scale), rng.uniform(*BLUR))


def _dyed(cutout: Cutout, rng: np.random.Generator) -> Cutout:
    """Return an object whose upper and lower part may have other colours, as clothes have.

    Any shade is as likely as another, however dark or light the object was; folds remain.
    """
    picture, opacity = cutout.picture, cutout.opacity[..., None]
    waist = round(picture.size[0] * rng.uniform(*WAIST))
    image = picture.image.astype(np.float32)
    for rows in (slice(waist), slice(waist, None)):
        if rng.random() < DYED:
            colour = rng.uniform(0, 255) + rng.uniform(-TINT, TINT, 3)
            own = (image[rows] * opacity[rows]).sum((0, 1)) / max(1.0, float(opacity[rows].sum()))
            image[rows] += colour - own
    dyed = Picture(
        image.round().clip(0, 255).astype(np.uint8), picture.boxes_xyxy, picture.class_ids
    )
    return Cutout(dyed, cutout.opacity, cutout.corner)


def _place(
    size: tuple[int, int], into: tuple[int, int], rng: np.random.Generator
) -> tuple[int, int]:
    """Return (left, top) of an object: inside where it fits, or reaching over an edge."""
    spare = np.array(into[::-1]) - size[::-1]
    corner = rng.uniform(np.minimum(spare, 0), np.maximum(spare, 0))
    if rng.random() < AT_AN_EDGE:
        axis, seen = rng.integers(2), rng.uniform()
        side, limit = size[::-1][axis], into[::-1][axis]
        corner[axis] = rng.choice([(seen - 1) * side, limit - seen * side])
    left, top = corner.round().astype(int)
    return int(left), int(top)


def _hides(new: Float32Array, others: Float32Array) -> bool:
    """Return whether one of the `new` boxes covers too much of another."""
    low = np.maximum(new[:, None, :2], others[None, :, :2])
    high = np.minimum(new[:, None, 2:], others[None, :, 2:])
    shared = (high - low).clip(0).prod(axis=2)
    return bool((shared > HIDDEN * (others[:, 2:] - others[:, :2]).prod(axis=1)).any())


def _blend(cutout: Cutout, image: np.ndarray, left: int, top: int) -> None:
    """Draw an object into `image` at a corner that may lie outside of it."""
    height, width = cutout.picture.size
    rows = slice(max(0, -top), min(height, image.shape[0] - top))
    columns = slice(max(0, -left), min(width, image.shape[1] - left))
    target = image[top + rows.start : top + rows.stop, left + columns.start : left + columns.stop]
    opacity = cutout.opacity[rows, columns, None]
    target[:] = (target * (1 - opacity) + cutout.picture.image[rows, columns] * opacity).round()
