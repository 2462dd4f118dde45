"""A street at any moment: its image, and the exact ground truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.detections import UInt8Array
from pipeline.sources.street.car_park import car_park
from pipeline.sources.street.drawing import (
    Colour,
    Patch,
    blend,
    extent,
    render,
    render_within,
    shadow_patch,
)
from pipeline.sources.street.hall import hall
from pipeline.sources.street.light import Sketch
from pipeline.sources.street.road import road
from pipeline.sources.street.scene import Scene
from pipeline.sources.street.traffic import Traffic

SCENES: tuple[Callable[[np.random.Generator, int, int], Scene], ...] = (road, car_park, road, hall)

_VARIANT = 14  # chosen by eye, for seed 0, which is the default
_PART_COLOURS: tuple[Colour, ...] = ((255, 0, 0), (0, 255, 0))  # a channel for each part
_MIN_VISIBLE = 0.15  # of the pixels within the image; more hidden objects are not listed
_MIN_SIDE = 5  # pixels; narrower or lower boxes are not listed


@dataclass(frozen=True, slots=True)
class Truth:
    """A visible object.

    id: unique in the run; class_id: 0 person, 1 bicycle, 2 car
    box_xywh: whole pixels, left, top, width, height, tight around the visible pixels: those in
        which the object has at least half of the colour
    visibility: visible pixels over all its pixels, including those outside the image
    """

    id: int
    class_id: int
    box_xywh: tuple[int, int, int, int]
    visibility: float


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """A sketch and the identity of its first part; patch: of standing things, drawn once."""

    sketch: Sketch
    key: int
    patch: Patch | None = field(default=None, repr=False)


class Street:
    """A scene with its traffic; the seed sets the times and looks of the actors."""

    def __init__(self, scene: Scene, seed: int) -> None:
        self._scene = scene
        self._size = (scene.camera.width, scene.camera.height_px)
        self._still = _standing(scene)
        self._traffic = Traffic(self._scene.routes, seed, first_key=len(scene.parked) + 1)
        self._ground = self._scene.ground.copy()
        self._shade(self._ground, self._still)

    def draw(self, seconds: float) -> UInt8Array:
        """Return the image (h, w, 3) uint8 BGR at a time, the caller's own."""
        image: UInt8Array = self._ground.copy()
        moving = self._moving(seconds)
        self._shade(image, moving)
        for layer in self._far_to_near(moving):
            patch = layer.patch or render_within(layer.sketch.shapes, *self._size)
            if patch is not None:
                blend(image, patch)
        return image

    def truth(self, seconds: float, covered_top_left: tuple[int, int] = (0, 0)) -> list[Truth]:
        """Return the objects that are visible at a time, nearest first.

        covered_top_left: width and height of the top left corner, if it will be drawn over:
            nothing is visible there
        """
        width, height = self._size
        open_view = np.full((height, width), 255, np.uint8)
        open_view[: covered_top_left[1], : covered_top_left[0]] = 0
        seen: list[Truth] = []
        for layer in reversed(self._far_to_near(self._moving(seconds))):
            left, top, right, bottom = extent(layer.sketch.shapes)
            if left < width and top < height and right > 0 and bottom > 0:
                seen += _look(layer, open_view)
        return seen

    def _moving(self, seconds: float) -> list[_Layer]:
        layers = []
        for actor in self._traffic.at(seconds):
            sketch = actor.sketch(self._scene.camera, self._scene.light, seconds)
            if sketch is not None:
                layers.append(_Layer(sketch, actor.key))
        return layers

    def _far_to_near(self, moving: list[_Layer]) -> list[_Layer]:
        return sorted(self._still + moving, key=lambda layer: -layer.sketch.depth)

    def _shade(self, image: UInt8Array, layers: list[_Layer]) -> None:
        """Darken the ground under layers, in place."""
        for layer in layers:
            light = self._scene.light
            patch = shadow_patch(layer.sketch.shadows, light.shade, light.contact, *self._size)
            if patch is not None:
                blend(image, patch)


@lru_cache(maxsize=2)  # built in half a second, and never changed: sources share it
def build_street(seed: int, width: int, height: int) -> Street:
    """Return the street of a seed, which sets scene, light, camera and traffic; for any thread."""
    make_scene = SCENES[seed % len(SCENES)]
    return Street(
        make_scene(np.random.default_rng([seed, _VARIANT]), width, height), seed + _VARIANT
    )


def _standing(scene: Scene) -> list[_Layer]:
    """Return the standing things that are visible, drawn once."""
    width, height = scene.camera.width, scene.camera.height_px
    keyed = [(sketch, 0) for sketch in scene.things]
    keyed += [(sketch, key) for key, sketch in enumerate(scene.parked, start=1)]
    layers = [_Layer(s, key, render_within(s.shapes, width, height)) for s, key in keyed]
    return [layer for layer in layers if layer.patch is not None]


def _look(layer: _Layer, open_view: UInt8Array) -> list[Truth]:
    """Return the objects of a layer that are visible, then remove its pixels from the open view."""
    coded = [replace(s, colour=_PART_COLOURS[s.part]) for s in layer.sketch.shapes]
    drawn = _within(render(coded), open_view.shape)
    found = []
    for part, class_id in enumerate(layer.sketch.class_ids):
        alone = render([shape for shape in coded if shape.part == part])
        seen = _times(drawn[..., part], open_view) >= 128
        pixels = int(np.count_nonzero(seen))
        if pixels < _MIN_VISIBLE * _silhouette(_within(alone, open_view.shape)):
            continue
        box = _box(seen)
        if min(box[2:]) >= _MIN_SIDE:
            found.append(Truth(layer.key + part, class_id, box, pixels / _silhouette(alone.bgra)))
    open_view[:] = _times(open_view, 255 - drawn[..., 3])
    return found


def _within(patch: Patch, size: tuple[int, ...]) -> UInt8Array:
    """Return (h, w, 4), a patch on an empty image, cropped at the borders."""
    height, width = size
    image = np.zeros((height, width, 4), np.uint8)
    left, top = min(max(patch.left, 0), width), min(max(patch.top, 0), height)
    inside = patch.bgra[top - patch.top :, left - patch.left :][: height - top, : width - left]
    image[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    return image


def _silhouette(bgra: UInt8Array) -> int:
    """Return the number of pixels that are covered by half or more."""
    return int(np.count_nonzero(bgra[..., 3] >= 128))


def _times(one: UInt8Array, other: UInt8Array) -> UInt8Array:
    """Return the product of two images as fractions of 255."""
    return np.asarray(cv2.multiply(one, other, scale=1 / 255), np.uint8)


def _box(seen: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Return left, top, width, height of the true pixels; zeros if there is none."""
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if not len(rows):
        return 0, 0, 0, 0
    left, top = int(columns[0]), int(rows[0])
    return left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top
