"""An image and its boxes on their way through augmentation."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from detector.detections import Float32Array, Int64Array, UInt8Array
from detector.letterbox import PAD_VALUE, Letterbox
from trainer.data.samples import IGNORED, Sample

# a box cut or shrunk beyond these limits no longer counts as an object (as in YOLOv7)
MIN_SIDE = 2  # pixels
MAX_ASPECT = 20.0  # long side / short side


@dataclass(frozen=True, slots=True, eq=False)
class LabelledImage:
    """An image and its boxes: objects, and regions to ignore.

    image: (h, w, 3) uint8, RGB
    boxes_xyxy: (n, 4) float32, in pixels of `image`
    class_ids: (n,) int64, IGNORED for a region
    """

    image: UInt8Array = field(repr=False)
    boxes_xyxy: Float32Array
    class_ids: Int64Array

    @classmethod
    def fitted(cls, sample: Sample, size: tuple[int, int]) -> LabelledImage:
        """Return a sample scaled as by the letterbox of `size` (height, width), without padding."""
        source = sample.image.shape[:2]
        resized = Letterbox.fit((source[0], source[1]), size).resized
        exact = Letterbox.fit((source[0], source[1]), resized)
        boxes = exact.to_letterboxed(np.concatenate([sample.boxes_xyxy, sample.ignore_xyxy]))
        regions = np.full(len(sample.ignore_xyxy), IGNORED)
        return cls(exact.apply(sample.image), boxes, np.concatenate([sample.class_ids, regions]))

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.image.shape[0], self.image.shape[1]

    @property
    def objects_xyxy(self) -> Float32Array:
        """(m, 4) float32: the boxes without the regions to ignore."""
        objects: Float32Array = self.boxes_xyxy[self.class_ids != IGNORED]
        return objects

    def letterboxed(self, size: tuple[int, int]) -> LabelledImage:
        """Return the image letterboxed to `size` (height, width)."""
        box = Letterbox.fit(self.size, size)
        return LabelledImage(
            box.apply(self.image), box.to_letterboxed(self.boxes_xyxy), self.class_ids
        )

    def flipped(self) -> LabelledImage:
        """Return the image flipped horizontally."""
        width = self.size[1]
        boxes = self.boxes_xyxy.copy()
        boxes[:, [0, 2]] = width - boxes[:, [2, 0]]
        image = cv2.flip(self.image, 1).astype(np.uint8, copy=False)
        return LabelledImage(image, boxes, self.class_ids)

    def flipped_vertically(self) -> LabelledImage:
        """Return the image flipped vertically."""
        height = self.size[0]
        boxes = self.boxes_xyxy.copy()
        boxes[:, [1, 3]] = height - boxes[:, [3, 1]]
        image = cv2.flip(self.image, 0).astype(np.uint8, copy=False)
        return LabelledImage(image, boxes, self.class_ids)

    def targets(self) -> Float32Array:
        """Return (n, 5) float32: class, cx, cy, w, h, as fractions of the image."""
        height, width = self.size
        left, top, right, bottom = self.boxes_xyxy.T
        columns = (
            self.class_ids.astype(np.float32),
            (left + right) / 2 / width,
            (top + bottom) / 2 / height,
            (right - left) / width,
            (bottom - top) / height,
        )
        return np.stack(columns, axis=1)


def canvas(size: tuple[int, int]) -> UInt8Array:
    """Return an image of `size` (height, width), filled with the grey of letterbox padding."""
    return np.full((*size, 3), PAD_VALUE, np.uint8)


def cut(
    boxes_xyxy: Float32Array,
    class_ids: Int64Array,
    size: tuple[int, int],
    min_visible: float,
) -> tuple[Float32Array, Int64Array]:
    """Return the boxes cut to an image of `size` (height, width), and their class ids.

    An object that keeps less of its area than the fraction `min_visible`, or too thin a sliver of
    it, becomes a region to ignore: it is neither object nor background.
    """
    height, width = size
    inside = boxes_xyxy.clip(0, np.array([width, height, width, height], np.float32))
    before, after = _sides(boxes_xyxy), _sides(inside)
    aspect = after.max(1) / np.maximum(after.min(1), 1e-6)
    visible = after.prod(1) / np.maximum(before.prod(1), 1e-6)
    good = (after.min(1) >= MIN_SIDE) & (visible >= min_visible) & (aspect <= MAX_ASPECT)
    left = after.min(1) > 0
    return inside[left], np.where(good, class_ids, IGNORED)[left]


def _sides(boxes_xyxy: Float32Array) -> Float32Array:
    return boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]
