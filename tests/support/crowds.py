"""Detections to compare a tracker with its slow twin on: random crowds and real sequences."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from detector.detections import Detections
from trackers.motchallenge.text import read_mot

REAL = [("ADL-Rundle-6", 1, 10), ("PETS09-S2L1", 3, 15), ("ETH-Sunnyday", 2, 10)]
"""A sequence of MOT15, the steps of 1/30 s between its frames, and what its identities exceed."""


def crowd(seed: int, class_count: int) -> Iterator[tuple[Detections, int]]:
    """Yield a crowd at irregular times: with misses, low scores, gaps and false positives.

    Times are whole steps of 1/30 s.
    """
    random = np.random.default_rng(seed)
    count, step = int(random.integers(2, 25)), 0
    centre, size = random.uniform(0, 400, (count, 2)), random.uniform(20, 90, (count, 2))
    velocity, classes = random.normal(0, 2, (count, 2)), random.integers(0, class_count, count)
    for _ in range(30):
        centre += velocity * (elapsed := int(random.choice([1, 1, 2, 3, 12, 40])))
        step += elapsed
        found = np.flatnonzero(random.random(count) < 0.85)
        middle, half = centre[found] + random.normal(0, 2, (len(found), 2)), size[found] / 2
        false = random.uniform(0, 400, (int(random.integers(0, 3)), 2))
        boxes = np.vstack(
            (np.hstack((middle - half, middle + half)), np.hstack((false, false + 50)))
        )
        scores = np.append(random.beta(4, 1.5, len(found)), random.uniform(0, 1, len(false)))
        labels = np.append(classes[found], np.zeros(len(false)))
        yield (
            Detections(
                boxes.astype(np.float32), scores.astype(np.float32), labels.astype(np.int64)
            ),
            step,
        )


def real_detections(data: Path, sequence: str, steps: int) -> Iterator[tuple[Detections, int]]:
    """Yield the public detections of the first 150 frames of a sequence of MOT15."""
    rows = read_mot(data / "mot15" / sequence / "det" / "det.txt", with_classes=False)
    return ((rows.at(k + 1).detections(), k * steps) for k in range(150))
