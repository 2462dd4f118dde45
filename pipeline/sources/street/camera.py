"""The camera above the synthetic street: metres to pixels, and back to the ground."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]
Int32Array = NDArray[np.int32]
Point = tuple[float, float, float]  # metres: x right, y away from the camera, z up

SUBPIXEL = 16  # polygons are in whole sixteenths of a pixel: the same on every machine


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole above the origin, looking along +y and down.

    height: metres above the ground; pitch: radians below the horizontal
    focal: pixels; width, height_px: of the image
    """

    height: float
    pitch: float
    focal: float
    width: int
    height_px: int

    def depth(self, point: Point) -> float:
        """Return metres along the optical axis, for the order of drawing and for sizes."""
        _, y, z = point
        return y * math.cos(self.pitch) + (self.height - z) * math.sin(self.pitch)

    def pixels(self, points: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Return (n, 2) pixels of (n, 3) points in metres, and (n,) pixels per metre there.

        Not a matrix product: BLAS may round differently on another machine.
        """
        cos, sin = math.cos(self.pitch), math.sin(self.pitch)
        y, drop = points[:, 1], self.height - points[:, 2]
        scale = self.focal / np.maximum(y * cos + drop * sin, 0.1)
        pixels = np.empty((len(points), 2))
        pixels[:, 0] = self.width / 2 + points[:, 0] * scale
        pixels[:, 1] = self.height_px / 2 + (drop * cos - y * sin) * scale
        return pixels, scale

    def project(self, points: Float64Array) -> Int32Array:
        """Return (n, 2) int32 sixteenths of a pixel of (n, 3) points in metres."""
        return np.rint(self.pixels(points)[0] * SUBPIXEL).astype(np.int32)

    def ground(self, px: Float64Array, py: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Return x and y in metres of the ground at pixels; y is negative above the horizon."""
        cos, sin = math.cos(self.pitch), math.sin(self.pitch)
        down = (py - self.height_px / 2) / self.focal
        along = self.height / (sin + down * cos)
        return along * (px - self.width / 2) / self.focal, along * (cos - down * sin)

    def spot(self, px: float, py: float) -> tuple[float, float]:
        """Return x and y in metres of the ground seen at one pixel."""
        x, y = self.ground(np.array([px]), np.array([py]))
        return float(x[0]), float(y[0])
