"""A crowd as trackers meet it: as many objects as asked for, some of them hidden at any time.

The ground grows with the crowd, so that everybody has as many neighbours as in a small one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from detector.detections import Detections

AREA = 200 * 200  # pixels of ground for each object: about one in four touches another
HIDDEN_PICTURES = 10  # how long an object is hidden, on average; a track outlives it


def crowd(alive: int, seen: int, pictures: int, seed: int = 0) -> Iterator[Detections]:
    """Yield detections of `seen` of `alive` objects on average; all are seen in the first picture.

    Four in five are sure, the others weak, as where people cover each other.
    """
    random = np.random.default_rng(seed)
    side = np.sqrt(alive * AREA)
    centre, velocity = random.uniform(0, side, (alive, 2)), random.normal(0, 1, (alive, 2))
    half = random.uniform(15, 35, (alive, 1)) * (1, 2.2)
    visible = np.ones(alive, bool)
    hide = (alive - seen) / seen / HIDDEN_PICTURES
    for _ in range(pictures):
        centre += velocity
        rows = visible.nonzero()[0]
        middle = centre[rows] + random.normal(0, 1, (len(rows), 2))
        sure = random.random(len(rows)) < 0.8
        scores = np.where(sure, random.uniform(0.75, 0.95, len(rows)), 0.4)
        yield Detections(
            np.hstack((middle - half[rows], middle + half[rows])).astype(np.float32),
            scores.astype(np.float32),
            np.zeros(len(rows), np.int64),
        )
        chance = random.random(alive)
        visible = np.where(visible, chance >= hide, chance < 1 / HIDDEN_PICTURES)
