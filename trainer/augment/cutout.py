"""Objects cut out of their images by GrabCut, for pasting into other images."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import cv2
import numpy as np

from detector.detections import Float32Array, Int64Array, UInt8Array
from trainer.data.labelled_image import LabelledImage
from trainer.data.samples import IGNORED

PER_KIND = 100  # cutouts of each combination of classes; each takes about 50 ms
MAX_TOUCHING = 2  # objects in one cutout; a larger group is a scene
MIN_SIDE = 16  # pixels; smaller objects show too little for an outline
MARGIN = 0.2  # fraction of the box's sides; the background sample for GrabCut
COVERED = (0.2, 0.97)  # fraction of its box that a plausible outline fills
ROUNDS = 3  # iterations of GrabCut; more change almost nothing


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """An object and the objects that touch it, without background.

    objects: cropped to the objects
    opacity: (h, w) float32, 0..1
    corner: (left, top) in the image that they were cut out of
    """

    objects: LabelledImage
    opacity: Float32Array = field(repr=False)
    corner: tuple[int, int]

    def resized(self, scale: float, blur: float) -> Cutout:
        """Return the cutout resized by `scale`, then blurred; `blur` is sigma in pixels."""
        height, width = (max(1, round(side * scale)) for side in self.objects.size)
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        # premultiplied: background must not bleed into the colours of the object
        layers = np.dstack([self.objects.image * self.opacity[..., None], self.opacity])
        layers = cv2.resize(layers, (width, height), interpolation=how)
        layers = cv2.GaussianBlur(layers, (0, 0), blur)
        opacity = layers[..., 3].clip(0, 1)
        image = (layers[..., :3] / np.maximum(opacity, 1e-3)[..., None]).clip(0, 255)
        ratio = np.array([width, height] * 2, np.float32) / np.tile(self.objects.size[::-1], 2)
        boxes = (self.objects.boxes_xyxy * ratio).astype(np.float32)
        resized = LabelledImage(image.round().astype(np.uint8), boxes, self.objects.class_ids)
        return Cutout(resized, opacity, self.corner)


def cut_out(images: Sequence[LabelledImage]) -> list[Cutout]:
    """Return up to `PER_KIND` cutouts of each kind, spread over the images.

    A kind is a set of classes. Objects that touch stay together, such as a rider and a bicycle.
    Left out are groups of more than `MAX_TOUCHING`, objects that touch the image's border or a
    region to ignore, small objects, and those without a plausible outline.
    """
    by_kind: dict[frozenset[int], list[tuple[LabelledImage, Int64Array]]] = {}
    for labelled in {id(labelled): labelled for labelled in images}.values():  # without repeats
        for rows in _touching(labelled.boxes_xyxy):
            kind = frozenset(labelled.class_ids[rows].tolist())
            if IGNORED in kind or len(rows) > MAX_TOUCHING:
                continue
            if _is_whole(labelled.boxes_xyxy[rows], labelled.size):
                by_kind.setdefault(kind, []).append((labelled, rows))
    chosen = [
        found[index]
        for found in by_kind.values()
        for index in np.linspace(0, len(found) - 1, min(PER_KIND, len(found))).round().astype(int)
    ]
    with ThreadPoolExecutor(os.cpu_count(), "cutouts") as pool:
        cutouts = pool.map(lambda each: _outlined(*each), chosen)
        return [cutout for cutout in cutouts if cutout is not None]


def _touching(boxes_xyxy: Float32Array) -> Iterator[Int64Array]:
    """Yield the rows of each group of boxes that overlap, directly or through others."""
    if not len(boxes_xyxy):
        return
    low = np.maximum(boxes_xyxy[:, None, :2], boxes_xyxy[None, :, :2])
    high = np.minimum(boxes_xyxy[:, None, 2:], boxes_xyxy[None, :, 2:])
    touch = np.asarray((low < high).all(axis=2))
    for _ in range(len(boxes_xyxy).bit_length()):  # each round doubles the reach of a group
        touch = touch @ touch
    for row in np.flatnonzero(touch.argmax(axis=1) == np.arange(len(boxes_xyxy))):
        yield np.flatnonzero(touch[row])


def _is_whole(boxes_xyxy: Float32Array, size: tuple[int, int]) -> bool:
    """Return whether all boxes are large enough and off the border."""
    inside = (boxes_xyxy[:, :2] >= 1).all() and (
        boxes_xyxy[:, 2:] <= np.array(size[::-1]) - 1
    ).all()
    return bool(inside and (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2] >= MIN_SIDE).all())


def _outlined(labelled: LabelledImage, rows: Int64Array) -> Cutout | None:
    """Return the objects in these boxes without background; None without a plausible outline.

    By GrabCut (Rother et al. 2004), with everything outside the boxes as sure background.
    """
    boxes = labelled.boxes_xyxy[rows]
    corners = np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])
    margin = np.tile((corners[2:] - corners[:2]) * MARGIN, 2) * (-1, -1, 1, 1)
    limits = np.tile(labelled.size[::-1], 2)
    left, top, right, bottom = (corners + margin).round().clip(0, limits).astype(int)
    image = np.ascontiguousarray(labelled.image[top:bottom, left:right])
    boxes = boxes - np.array([left, top, left, top], np.float32)
    labels = np.full(image.shape[:2], cv2.GC_BGD, np.uint8)
    for x0, y0, x1, y1 in boxes.round().astype(int):
        labels[y0:y1, x0:x1] = cv2.GC_PR_FGD
    possible = labels == cv2.GC_PR_FGD
    cv2.setRNGSeed(0)  # this thread's; GrabCut starts from random clusters
    model = np.zeros((2, 1, 65), np.float64)
    cv2.grabCut(image, labels, (0, 0, 0, 0), model[0], model[1], ROUNDS, cv2.GC_INIT_WITH_MASK)
    found = labels == cv2.GC_PR_FGD
    covered = [found[y0:y1, x0:x1].mean() for x0, y0, x1, y1 in boxes.round().astype(int)]
    if min(covered) < COVERED[0] or max(covered) > COVERED[1]:
        return None
    opacity = cv2.GaussianBlur(found.astype(np.float32), (3, 3), 0)  # soften the edge
    opacity[~possible] = 0
    x0, y0 = boxes[:, :2].min(axis=0).round().astype(int)
    x1, y1 = boxes[:, 2:].max(axis=0).round().astype(int)
    boxes -= np.array([x0, y0, x0, y0], np.float32)
    cropped: UInt8Array = image[y0:y1, x0:x1].copy()
    found_at = (int(left + x0), int(top + y0))
    objects = LabelledImage(cropped, boxes, labelled.class_ids[rows])
    return Cutout(objects, opacity[y0:y1, x0:x1].copy(), found_at)
