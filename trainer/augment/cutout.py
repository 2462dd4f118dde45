"""Objects cut out of the pictures they were labelled in, to be pasted into others."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import cv2
import numpy as np

from detector.detections import Float32Array, Int64Array, UInt8Array
from trainer.data.labelled_image import Picture
from trainer.data.samples import IGNORED

PER_KIND = 100  # groups of the same classes that are cut out of a data set: some 50 ms each
TOGETHER = 2  # objects that touch each other; more are a scene
LEAST_SIDE = 16  # pixels; of smaller ones too little is seen to find their outline
MARGIN = 0.2  # of the box's sides: the ground around an object, which tells what it is not
COVERED = (0.2, 0.97)  # share of its box that an object fills; outlines beyond are wrong
ROUNDS = 3  # of GrabCut; more change next to nothing


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """An object, with those that touch it, and without the ground behind them.

    picture: as large as the objects
    opacity: (h, w) float32, 0..1
    corner: (left, top) in the picture that it was cut out of
    """

    picture: Picture
    opacity: Float32Array = field(repr=False)
    corner: tuple[int, int]

    def resized(self, scale: float, blur: float) -> Cutout:
        """Return it `scale` times as large, then blurred: a standard deviation in pixels."""
        height, width = (max(1, round(side * scale)) for side in self.picture.size)
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        # what is not the object must not get into its colours
        layers = np.dstack([self.picture.image * self.opacity[..., None], self.opacity])
        layers = cv2.resize(layers, (width, height), interpolation=how)
        layers = cv2.GaussianBlur(layers, (0, 0), blur)
        opacity = layers[..., 3].clip(0, 1)
        image = (layers[..., :3] / np.maximum(opacity, 1e-3)[..., None]).clip(0, 255)
        ratio = np.array([width, height] * 2, np.float32) / np.tile(self.picture.size[::-1], 2)
        boxes = (self.picture.boxes_xyxy * ratio).astype(np.float32)
        resized = Picture(image.round().astype(np.uint8), boxes, self.picture.class_ids)
        return Cutout(resized, opacity, self.corner)


def cut_out(pictures: Sequence[Picture]) -> list[Cutout]:
    """Return up to `PER_KIND` objects of each kind, from all over the pictures.

    Objects that touch each other stay together: a rider with a bicycle is a kind of its own.
    More than `TOGETHER`, those at the border of their picture or of a region to ignore, the very
    small ones, and those whose outline is not found are left out.
    """
    by_kind: dict[frozenset[int], list[tuple[Picture, Int64Array]]] = {}
    for picture in {id(picture): picture for picture in pictures}.values():  # some come repeatedly
        for rows in _touching(picture.boxes_xyxy):
            kind = frozenset(picture.class_ids[rows].tolist())
            if IGNORED in kind or len(rows) > TOGETHER:
                continue
            if _is_whole(picture.boxes_xyxy[rows], picture.size):
                by_kind.setdefault(kind, []).append((picture, rows))
    chosen = [
        found[index]
        for found in by_kind.values()
        for index in np.linspace(0, len(found) - 1, min(PER_KIND, len(found))).round().astype(int)
    ]
    with ThreadPoolExecutor(os.cpu_count(), "cutouts") as pool:
        cutouts = pool.map(lambda each: _outlined(*each), chosen)
        return [cutout for cutout in cutouts if cutout is not None]


def _touching(boxes_xyxy: Float32Array) -> Iterator[Int64Array]:
    """Yield the rows of boxes that overlap, directly or through others, a group at a time."""
    if not len(boxes_xyxy):
        return
    low = np.maximum(boxes_xyxy[:, None, :2], boxes_xyxy[None, :, :2])
    high = np.minimum(boxes_xyxy[:, None, 2:], boxes_xyxy[None, :, 2:])
    touch = np.asarray((low < high).all(axis=2))
    for _ in range(len(boxes_xyxy).bit_length()):  # each round doubles how far a group reaches
        touch = touch @ touch
    for row in np.flatnonzero(touch.argmax(axis=1) == np.arange(len(boxes_xyxy))):
        yield np.flatnonzero(touch[row])


def _is_whole(boxes_xyxy: Float32Array, size: tuple[int, int]) -> bool:
    """Return whether no box touches the border, and all are large enough."""
    inside = (boxes_xyxy[:, :2] >= 1).all() and (
        boxes_xyxy[:, 2:] <= np.array(size[::-1]) - 1
    ).all()
    return bool(inside and (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2] >= LEAST_SIDE).all())


def _outlined(picture: Picture, rows: Int64Array) -> Cutout | None:
    """Return the objects in these boxes without their ground; None if no outline is found.

    GrabCut (Rother et al. 2004): what lies outside of the boxes is ground, what is like it is too.
    """
    boxes = picture.boxes_xyxy[rows]
    corners = np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])
    margin = np.tile((corners[2:] - corners[:2]) * MARGIN, 2) * (-1, -1, 1, 1)
    limits = np.tile(picture.size[::-1], 2)
    left, top, right, bottom = (corners + margin).round().clip(0, limits).astype(int)
    image = np.ascontiguousarray(picture.image[top:bottom, left:right])
    boxes = boxes - np.array([left, top, left, top], np.float32)
    labels = np.full(image.shape[:2], cv2.GC_BGD, np.uint8)
    for x0, y0, x1, y1 in boxes.round().astype(int):
        labels[y0:y1, x0:x1] = cv2.GC_PR_FGD
    possible = labels == cv2.GC_PR_FGD
    cv2.setRNGSeed(0)  # of this thread: it starts from random clusters
    model = np.zeros((2, 1, 65), np.float64)
    cv2.grabCut(image, labels, (0, 0, 0, 0), model[0], model[1], ROUNDS, cv2.GC_INIT_WITH_MASK)
    found = labels == cv2.GC_PR_FGD
    covered = [found[y0:y1, x0:x1].mean() for x0, y0, x1, y1 in boxes.round().astype(int)]
    if min(covered) < COVERED[0] or max(covered) > COVERED[1]:
        return None
    opacity = cv2.GaussianBlur(found.astype(np.float32), (3, 3), 0)  # no hard edge
    opacity[~possible] = 0
    x0, y0 = boxes[:, :2].min(axis=0).round().astype(int)
    x1, y1 = boxes[:, 2:].max(axis=0).round().astype(int)
    boxes -= np.array([x0, y0, x0, y0], np.float32)
    cropped: UInt8Array = image[y0:y1, x0:x1].copy()
    found_at = (int(left + x0), int(top + y0))
    objects = Picture(cropped, boxes, picture.class_ids[rows])
    return Cutout(objects, opacity[y0:y1, x0:x1].copy(), found_at)
