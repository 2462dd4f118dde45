"""Geometric augmentation: scale, shift, rotation, shear and perspective."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.detections import Float32Array, UInt8Array
from detector.letterbox import PAD_VALUE
from trainer.data.labelled_image import LabelledImage, cut

Matrix = NDArray[np.float64]  # (3, 3), maps (x, y, 1); pixel edges have whole coordinates


@dataclass(frozen=True, slots=True)
class View:
    """A geometric transform around the centre of an image.

    scale: factor; right, down: shift, as fractions of the output size
    turn: radians, clockwise; shear: tangents, of x by y and of y by x
    tilt: perspective in x and y, 1 / pixels
    """

    scale: float
    right: float
    down: float
    turn: float = 0.0
    shear: tuple[float, float] = (0.0, 0.0)
    tilt: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def drawn(
        cls,
        rng: np.random.Generator,
        scale: float,
        translate: float,
        *,
        rotate: float = 0.0,
        shear: float = 0.0,
        perspective: float = 0.0,
    ) -> View:
        """Return a random view: scale 1 +- `scale`, shift +- `translate`, others +- their limit.

        `rotate` and `shear` are in degrees. A limit of 0 draws no random number.
        """
        right, down = rng.uniform(-translate, translate, 2)
        return cls(
            rng.uniform(1 - scale, 1 + scale),
            right,
            down,
            np.deg2rad(rng.uniform(-rotate, rotate)) if rotate else 0.0,
            _pair(np.tan(np.deg2rad(rng.uniform(-shear, shear, 2)))) if shear else (0.0, 0.0),
            _pair(rng.uniform(-perspective, perspective, 2)) if perspective else (0.0, 0.0),
        )

    @property
    def is_plain(self) -> bool:
        """Whether axis-aligned boxes stay axis-aligned."""
        return not (self.turn or any(self.shear) or any(self.tilt))

    def matrix(self, source: tuple[int, int], size: tuple[int, int]) -> Matrix:
        """Return the matrix from an image of `source` (height, width) to one of `size`."""
        to_middle, tilted, scaled, sheared, placed = (np.eye(3) for _ in range(5))
        to_middle[:2, 2] = -np.array(source[::-1]) / 2
        tilted[2, :2] = self.tilt
        cos, sin = self.scale * np.cos(self.turn), self.scale * np.sin(self.turn)
        scaled[:2, :2] = [[cos, -sin], [sin, cos]]
        sheared[[0, 1], [1, 0]] = self.shear
        placed[:2, 2] = self.target(size)
        matrix: Matrix = placed @ sheared @ scaled @ tilted @ to_middle
        return matrix

    def target(self, size: tuple[int, int]) -> NDArray[np.float64]:
        """Return where the centre goes: x, y in pixels of an output of `size` (height, width)."""
        return np.array(size[::-1]) * (0.5 + np.array([self.right, self.down]))


def _pair(values: NDArray[np.float64]) -> tuple[float, float]:
    return float(values[0]), float(values[1])


def warped(
    labelled: LabelledImage, view: View, size: tuple[int, int], min_visible: float
) -> LabelledImage:
    """Return the image as `view` transforms it, in a window of `size` (height, width).

    Boxes are cut to the window; an object with less of its area in it than the fraction
    `min_visible` becomes a region to ignore. A rotated box becomes its axis-aligned bounding box.
    """
    if view.is_plain:
        shift = view.target(size) - view.scale * np.array(labelled.size[::-1]) / 2
        moved = labelled.boxes_xyxy * view.scale + np.tile(shift, 2)
        image = _scaled(labelled.image, view.scale, shift, size)
    else:
        matrix = view.matrix(labelled.size, size)
        moved = _bounding_boxes(labelled.boxes_xyxy, matrix)
        image = _distorted(labelled.image, matrix, view.scale, size)
    return LabelledImage(
        image, *cut(moved.astype(np.float32), labelled.class_ids, size, min_visible)
    )


def _bounding_boxes(boxes_xyxy: Float32Array, matrix: Matrix) -> NDArray[np.float64]:
    """Return the axis-aligned bounding boxes (n, 4) of transformed boxes (n, 4)."""
    corners = boxes_xyxy[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 2)
    mapped = np.column_stack([corners, np.ones(len(corners))]) @ matrix.T
    points = (mapped[:, :2] / mapped[:, 2:]).reshape(-1, 4, 2)
    return np.hstack([points.min(axis=1), points.max(axis=1)])


def _distorted(
    image: UInt8Array, matrix: Matrix, scale: float, size: tuple[int, int]
) -> UInt8Array:
    """Return `image` transformed by `matrix`, in a window of `size` (height, width)."""
    image, ratio = _halved_if_small(image, scale)
    middles = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # OpenCV puts pixel centres there
    matrix = np.linalg.inv(middles) @ matrix @ np.diag([*ratio, 1]) @ middles
    return cv2.warpPerspective(  # type: ignore[return-value]
        image, matrix, size[::-1], flags=cv2.INTER_LINEAR, borderValue=(PAD_VALUE,) * 3
    )


def _scaled(
    image: UInt8Array, scale: float, shift: NDArray[np.float64], size: tuple[int, int]
) -> UInt8Array:
    """Return `image` scaled and shifted into a window of `size` (height, width)."""
    image, ratio = _halved_if_small(image, scale)
    scales = scale * ratio
    # OpenCV counts from the centre of a pixel, boxes from its edge
    offset = shift + scales / 2 - 0.5
    matrix = np.column_stack([np.diag(scales), offset])
    return cv2.warpAffine(  # type: ignore[return-value]
        image, matrix, size[::-1], flags=cv2.INTER_LINEAR, borderValue=(PAD_VALUE,) * 3
    )


def _halved_if_small(image: UInt8Array, scale: float) -> tuple[UInt8Array, NDArray[np.float64]]:
    """Return `image`, at half its size if `scale` is small, and its reduction in x and y.

    Below half size, bilinear sampling skips pixels, so they are averaged first.
    """
    if scale > 0.5:
        return image, np.ones(2)
    height, width = image.shape[0] // 2, image.shape[1] // 2
    ratio = np.array([image.shape[1] / width, image.shape[0] / height])
    half = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return half.astype(np.uint8, copy=False), ratio
