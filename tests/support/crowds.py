"""Random crowds, seen badly and at irregular times."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from detector.detections import Detections


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
