"""Anchors fitted to the data by k-means and genetic refinement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detector.detections import Float32Array

if TYPE_CHECKING:
    from detector.yolov7.network import Network

MAX_BOXES = 20_000  # a sample of this size is enough
ROUNDS = 30  # iterations of k-means
GENERATIONS = 1000  # mutations tried by the genetic refinement
MUTATED = 0.9  # probability that a mutation changes a given width or height
SPREAD = 0.1  # standard deviation of the factor by which it changes


@dataclass(frozen=True, slots=True)
class Fit:
    """How well anchors fit boxes.

    fitness: 0..1, mean over all boxes of the similarity to the best anchor; a box that no anchor
        fits counts as 0
    recall: fraction of the boxes that an anchor fits; only these can be learnt
    """

    fitness: float
    recall: float


def measure(sides: Float32Array, anchors: Float32Array, ratio: float) -> Fit:
    """Return how well anchors fit boxes; both are (n, 2) widths and heights in the same pixels.

    An anchor fits a box if widths and heights each differ by less than the factor `ratio`.
    """
    quotient = sides[:, None] / anchors
    nearness = np.minimum(quotient, 1 / quotient).min(axis=2).max(axis=1)
    fitted = nearness > 1 / ratio
    return Fit(float((nearness * fitted).mean()), float(fitted.mean()))


def fit_anchors(
    sides: Float32Array, count: int, ratio: float, rng: np.random.Generator
) -> Float32Array:
    """Return (count, 2) anchors for boxes of (n, 2) width and height, smallest first."""
    if len(sides) > MAX_BOXES:
        sides = sides[rng.choice(len(sides), MAX_BOXES, replace=False)]
    best: Float32Array = _clustered(sides, count, rng)
    reached = measure(sides, best, ratio).fitness
    for _ in range(GENERATIONS):
        change = np.where(rng.random(best.shape) < MUTATED, rng.normal(1, SPREAD, best.shape), 1)
        child = np.maximum(best * change.clip(0.3, 3), 2).astype(np.float32)
        fitness = measure(sides, child, ratio).fitness
        if fitness > reached:
            best, reached = child, fitness
    ordered: Float32Array = best[best.prod(axis=1).argsort()]
    return ordered


def _clustered(sides: Float32Array, count: int, rng: np.random.Generator) -> Float32Array:
    """Return (count, 2) centres, by k-means over logarithms: the loss compares sizes by ratio."""
    points = np.log(sides)
    centres = _spread_out(points, count, rng)
    for _ in range(ROUNDS):
        nearest = _distances(points, centres).argmin(axis=1)
        members = np.bincount(nearest, minlength=count)[:, None]
        sums = np.zeros_like(centres)
        np.add.at(sums, nearest, points)
        centres = np.where(members > 0, sums / np.maximum(members, 1), centres)
    clustered: Float32Array = np.exp(centres).astype(np.float32)
    return clustered


def _spread_out(points: Float32Array, count: int, rng: np.random.Generator) -> Float32Array:
    """Return initial centres that are likely to be far apart (k-means++)."""
    centres = points[rng.integers(len(points), size=1)]
    while len(centres) < count:
        distance = _distances(points, centres).min(axis=1).astype(np.float64) + 1e-9
        chosen = rng.choice(len(points), p=distance / distance.sum())
        centres = np.concatenate([centres, points[chosen : chosen + 1]])
    return centres


def _distances(points: Float32Array, centres: Float32Array) -> Float32Array:
    distances: Float32Array = np.square(points[:, None] - centres).sum(axis=2)
    return distances


def set_anchors(network: Network, anchors: Float32Array) -> None:
    """Set the anchors of a network: (layers x anchors per layer, 2) pixels, finest layer first."""
    in_pixels, head = network.anchors, network.head
    in_pixels.copy_(in_pixels.new_tensor(anchors).view_as(in_pixels))
    head.anchors.copy_(in_pixels / in_pixels.new_tensor(network.strides).view(-1, 1, 1))
