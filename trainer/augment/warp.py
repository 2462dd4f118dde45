"""Views: a picture seen larger or smaller, shifted, turned, sheared and in perspective."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.detections import Float32Array, UInt8Array
from detector.letterbox import PAD_VALUE
from trainer.data.labelled_image import Picture, cut

Matrix = NDArray[np.float64]  # (3, 3) on x, y, 1 in pixel edges


@dataclass(frozen=True, slots=True)
class View:
    """Where the middle of a picture goes, how large it gets, and how it is distorted.

    scale: factor; right, down: shift as fractions of the result's size
    turn: radians, clockwise; shear: tangents of x by y, y by x; tilt: perspective, 1 / pixels
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
        """Return a random one: scale 1 +- `scale`, shift 0 +- `translate`, the others 0 +- theirs.

        `rotate` and `shear` are in degrees. What is 0 draws no number.
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
        """Whether upright rectangles stay so."""
        return not (self.turn or any(self.shear) or any(self.tilt))

    def matrix(self, source: tuple[int, int], size: tuple[int, int]) -> Matrix:
        """Return how pixels of a picture of `source` (height, width) come to one of `size`."""
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
        """Return where the middle goes: x, y in pixels of a result of `size` (height, width)."""
        return np.array(size[::-1]) * (0.5 + np.array([self.right, self.down]))


def _pair(values: NDArray[np.float64]) -> tuple[float, float]:
    return float(values[0]), float(values[1])


def warped(picture: Picture, view: View, size: tuple[int, int], least_visible: float) -> Picture:
    """Return what of the picture is seen in a window of `size` (height, width).

    Boxes are cut to the window; those with less of their area in it than the share `least_visible`
    become regions to ignore. A box that is turned becomes the upright one around it.
    """
    if view.is_plain:
        shift = view.target(size) - view.scale * np.array(picture.size[::-1]) / 2
        moved = picture.boxes_xyxy * view.scale + np.tile(shift, 2)
        image = _scaled(picture.image, view.scale, shift, size)
    else:
        matrix = view.matrix(picture.size, size)
        moved = _around(picture.boxes_xyxy, matrix)
        image = _distorted(picture.image, matrix, view.scale, size)
    return Picture(image, *cut(moved.astype(np.float32), picture.class_ids, size, least_visible))


def _around(boxes_xyxy: Float32Array, matrix: Matrix) -> NDArray[np.float64]:
    """Return the upright boxes (n, 4) around where (n, 4) boxes go."""
    corners = boxes_xyxy[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 2)
    gone = np.column_stack([corners, np.ones(len(corners))]) @ matrix.T
    points = (gone[:, :2] / gone[:, 2:]).reshape(-1, 4, 2)
    return np.hstack([points.min(axis=1), points.max(axis=1)])


def _distorted(
    image: UInt8Array, matrix: Matrix, scale: float, size: tuple[int, int]
) -> UInt8Array:
    """Return `image` as `matrix` says, in a window of `size` (height, width)."""
    image, ratio = _averaged(image, scale)
    middles = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # OpenCV counts from there
    matrix = np.linalg.inv(middles) @ matrix @ np.diag([*ratio, 1]) @ middles
    return cv2.warpPerspective(  # type: ignore[return-value]
        image, matrix, size[::-1], flags=cv2.INTER_LINEAR, borderValue=(PAD_VALUE,) * 3
    )


def _scaled(
    image: UInt8Array, scale: float, shift: NDArray[np.float64], size: tuple[int, int]
) -> UInt8Array:
    """Return `image` scaled and shifted into a window of `size` (height, width)."""
    image, ratio = _averaged(image, scale)
    scales = scale * ratio
    # OpenCV counts from the middle of a pixel, boxes from its edge
    offset = shift + scales / 2 - 0.5
    matrix = np.column_stack([np.diag(scales), offset])
    return cv2.warpAffine(  # type: ignore[return-value]
        image, matrix, size[::-1], flags=cv2.INTER_LINEAR, borderValue=(PAD_VALUE,) * 3
    )


def _averaged(image: UInt8Array, scale: float) -> tuple[UInt8Array, NDArray[np.float64]]:
    """Return `image` to be sampled at `scale`, and how much larger in x and y it was.

    Below a half sampling would skip pixels: they are averaged first.
    """
    if scale > 0.5:
        return image, np.ones(2)
    height, width = image.shape[0] // 2, image.shape[1] // 2
    ratio = np.array([image.shape[1] / width, image.shape[0] / height])
    half = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return half.astype(np.uint8, copy=False), ratio
