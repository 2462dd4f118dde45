"""The empty ground of the synthetic street: surfaces, markings, wear."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.detections import Float32Array, UInt8Array
from pipeline.sources.street.camera import Camera
from pipeline.sources.street.drawing import Colour

Mask = NDArray[np.bool_]

_OVERSAMPLING = 2
_TILE = 512  # cells after which the noise repeats; a power of two


class Ground:
    """The ground as an image, filled area by area.

    s, t: (h, w) float32, position of every sample in metres, along the street and to its left
    y: metres away from the camera, negative above the horizon
    """

    def __init__(
        self, camera: Camera, angle: float, origin: tuple[float, float], rng: np.random.Generator
    ) -> None:
        width, height = camera.width * _OVERSAMPLING, camera.height_px * _OVERSAMPLING
        columns = (np.arange(width)[None, :] + 0.5) / _OVERSAMPLING
        rows = (np.arange(height)[:, None] + 0.5) / _OVERSAMPLING
        x, y = (metres.astype(np.float32) for metres in camera.ground(columns, rows))
        cos, sin = math.cos(angle), math.sin(angle)
        self.s: Float32Array = (x - origin[0]) * cos + (y - origin[1]) * sin
        self.t: Float32Array = (y - origin[1]) * cos - (x - origin[0]) * sin
        self.y: Float32Array = np.broadcast_to(y, self.s.shape)
        self.all: Mask = np.ones(self.s.shape, bool)
        self._size = (camera.width, camera.height_px)
        self._light = np.zeros((height, width, 3), np.float32)
        self._grain = _sample(_noise(rng, 1), self.s, self.t, 0.035)
        self._blotch = _sample(_noise(rng, 16), self.s, self.t, 0.05)
        self._cloud = _sample(_noise(rng, 64), self.s, self.t, 0.06)

    def fill(self, area: Mask, colour: Colour, grain: float = 0.2, blotch: float = 0.1) -> None:
        """Cover an area with a colour that varies from sample to sample and from patch to patch."""
        uneven = 1 + grain * self._grain[area] + blotch * (self._blotch + self._cloud)[area]
        self._light[area] = uneven[:, None] * np.array(colour, np.float32)

    def tint(self, area: Mask, factor: float) -> None:
        """Make an area darker or brighter."""
        self._light[area] *= np.float32(factor)

    def mark(self, area: Mask, colour: Colour = (206, 210, 210), wear: float = 0.3) -> None:
        """Paint markings on the ground; wear: 0..1, the share of worn-off paint."""
        remaining = area & (self._blotch + 0.6 * self._grain > wear * 2 - 1.6)
        self.fill(remaining, colour, 0.12, 0.10)

    def spot(self, s: float, t: float, radius: float) -> Mask:
        """Return the samples within `radius` metres of a point."""
        return np.asarray((self.s - s) ** 2 + (self.t - t) ** 2 < radius * radius)

    def somewhere(self, rng: np.random.Generator) -> tuple[float, float]:
        """Return s and t of a random point of the image."""
        row, column = (int(rng.integers(size)) for size in self.s.shape)
        return float(self.s[row, column]), float(self.t[row, column])

    def speckle(self, rng: np.random.Generator, count: int) -> None:
        """Scatter bright grains."""
        for _ in range(count):
            self.tint(self.spot(*self.somewhere(rng), 0.010 + 0.012 * rng.random()), 1.6)

    def stain(self, s: float, t: float, radius: float, darkness: float) -> None:
        """Darken around a point, with a soft and irregular edge."""
        far = ((self.s - s) ** 2 + (self.t - t) ** 2) / (radius * radius)
        strength = np.clip(1 - far + 0.5 * self._blotch, 0, 1) * darkness
        self._light *= (1 - strength).astype(np.float32)[..., None]

    def image(self, falloff: float = 0.12) -> UInt8Array:
        """Return (h, w, 3) BGR, with vignetting: slightly darker towards the corners."""
        rows, columns = self._light.shape[:2]
        dy = (np.arange(rows) / rows - 0.5)[:, None]
        dx = (np.arange(columns) / columns - 0.5)[None, :]
        lens = (1 - falloff * 2 * (dx * dx + dy * dy)).astype(np.float32)
        full = np.clip(self._light * lens[..., None] + np.float32(0.5), 0, 255).astype(np.uint8)
        return np.asarray(cv2.resize(full, self._size, interpolation=cv2.INTER_AREA), np.uint8)


def _noise(rng: np.random.Generator, cell: int) -> Float32Array:
    """Return a (512, 512) tile of -1..1 that repeats seamlessly, smooth over `cell` samples."""
    coarse = rng.integers(0, 256, (_TILE // cell, _TILE // cell)).astype(np.uint8)
    fine = np.tile(coarse, (3, 3))
    while fine.shape[0] < 3 * _TILE:
        fine = np.asarray(cv2.pyrUp(fine), np.uint8)
    tile = fine[_TILE : 2 * _TILE, _TILE : 2 * _TILE].astype(np.float32)
    low, high = float(tile.min()), float(tile.max())
    return np.asarray((tile - np.float32(low)) * np.float32(2 / (high - low)) - np.float32(1))


def _sample(tile: Float32Array, s: Float32Array, t: Float32Array, metres: float) -> Float32Array:
    """Return the value of the tile at every (s, t); metres: size of a cell."""
    cells = np.float32(1 / metres)
    row = np.floor(t * cells).astype(np.int32) & (_TILE - 1)
    column = np.floor(s * cells).astype(np.int32) & (_TILE - 1)
    sampled: Float32Array = tile.ravel()[row * _TILE + column]
    return sampled
