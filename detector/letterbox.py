"""Resize and pad an image to a network's input size, and map boxes back.

The only letterbox of the project: pipeline, trainer and calibration all use it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from detector.detections import Float32Array, UInt8Array
from detector.yuv.planes import Planes

PAD_VALUE = 114  # the grey of YOLO training; any other value costs accuracy


@dataclass(frozen=True, slots=True)
class Letterbox:
    """The place of an image in a network's input: scaled to fit, centred, padded.

    All values are whole pixels.
    source: (height, width) of the image
    size: (height, width) of the network's input
    resized: (height, width) of the scaled image
    corner: (top, left) of the scaled image in the input
    """

    source: tuple[int, int]
    size: tuple[int, int]
    resized: tuple[int, int]
    corner: tuple[int, int]

    @classmethod
    def fit(cls, source: tuple[int, int], size: tuple[int, int]) -> Letterbox:
        """Return the largest placement of a (height, width) source inside `size`."""
        assert min(source) > 0 and min(size) > 0, (source, size)
        scale = min(size[0] / source[0], size[1] / source[1])
        height, width = (max(1, round(length * scale)) for length in source)
        corner = ((size[0] - height) // 2, (size[1] - width) // 2)
        return cls(source, size, (height, width), corner)

    def apply(self, image: UInt8Array, out: UInt8Array | None = None) -> UInt8Array:
        """Return an (h, w, 3) uint8 image letterboxed to (H, W, 3) uint8, channels as given.

        out: (H, W, 3) uint8 to write into, such as one image of a batch; None: a new array
        """
        assert image.shape == (*self.source, 3) and image.dtype == np.uint8, image.shape
        out = self._padding(out)
        _resize(image, self.inside(out))
        return out

    def apply_to_planes(self, planes: Planes, out: UInt8Array | None = None) -> UInt8Array:
        """Return planes letterboxed to (H, W, 3) uint8, RGB; out: as of `apply`.

        Each plane is scaled by itself, and only the small image is converted to RGB.
        """
        assert planes.size == self.source, planes.size
        out = self._padding(out)
        small = [np.empty(self.resized, np.uint8) for _ in planes.all]
        for plane, scaled in zip(planes.all, small, strict=True):
            _resize(plane, scaled)
        cv2.transform(cv2.merge(small), planes.space.to_rgb, dst=self.inside(out))
        return out

    def inside(self, letterboxed: UInt8Array) -> UInt8Array:
        """Return a view of a letterboxed (H, W, 3) image without its padding."""
        (top, left), (height, width) = self.corner, self.resized
        return letterboxed[top : top + height, left : left + width]

    def to_letterboxed(self, boxes_xyxy: Float32Array) -> Float32Array:
        """Map (n, 4) float32 boxes from source pixels to letterboxed pixels."""
        return boxes_xyxy * self._scales() + self._shifts()

    def to_source(self, boxes_xyxy: Float32Array) -> Float32Array:
        """Map (n, 4) float32 boxes from letterboxed to source pixels, clipped to the image."""
        height, width = self.source
        boxes: Float32Array = (boxes_xyxy - self._shifts()) / self._scales()
        return boxes.clip(0, np.array([width, height, width, height], np.float32))

    def _padding(self, out: UInt8Array | None) -> UInt8Array:
        """Return `out`, or a new (H, W, 3) array, filled with the grey of the border."""
        if out is None:
            out = np.empty((*self.size, 3), np.uint8)
        assert out.shape == (*self.size, 3) and out.dtype == np.uint8, out.shape
        out[:] = PAD_VALUE
        return out

    def _scales(self) -> Float32Array:
        # Per axis, from the rounded size: the nominal scale is off by up to half a pixel
        y, x = self.resized[0] / self.source[0], self.resized[1] / self.source[1]
        return np.array([x, y, x, y], np.float32)

    def _shifts(self) -> Float32Array:
        top, left = self.corner
        return np.array([left, top, left, top], np.float32)


def _resize(image: UInt8Array, out: UInt8Array) -> None:
    """Resize into `out`; when shrinking to half or less, average all source pixels.

    Bilinear sampling would skip pixels, and small objects would flicker from frame to frame. From
    1080p to 416 pixels, averaging in one step takes 8 ms. Halving first takes 1.3 ms, and halving
    an even size is exact.
    """
    height, width = out.shape[:2]
    halvings, by_area = steps((image.shape[0], image.shape[1]), (height, width))
    for _ in range(halvings):
        half = (image.shape[1] // 2, image.shape[0] // 2)
        image = cv2.resize(image, half, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    interpolation = cv2.INTER_AREA if by_area else cv2.INTER_LINEAR
    cv2.resize(image, (width, height), dst=out, interpolation=interpolation)


def steps(source: tuple[int, int], resized: tuple[int, int]) -> tuple[int, bool]:
    """Return how often an image is halved, and whether areas are averaged after that.

    source, resized: (height, width) before and after
    """
    height, width = source
    halvings = 0
    while (twice := height >= 2 * resized[0] and width >= 2 * resized[1]) and (
        height % 2 == width % 2 == 0
    ):
        height, width, halvings = height // 2, width // 2, halvings + 1
    return halvings, twice
