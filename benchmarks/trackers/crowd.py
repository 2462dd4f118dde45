"""A simulated crowd with a chosen number of objects, some of them hidden at any time.

The ground grows with the crowd, so the number of neighbours does not depend on its size.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from detector.detections import Detections

AREA = 200 * 200  # square pixels of ground per object: about one in four touches another
HIDDEN_FRAMES = 10  # mean time that an object is hidden; its track lives longer


def crowd(alive: int, seen: int, frames: int, seed: int = 0) -> Iterator[Detections]:
    """Yield detections of `seen` of `alive` objects on average; the first frame shows all.

    Four in five have high scores, the others low ones, as where people occlude each other.
    """
    random = np.random.default_rng(seed)
    side = np.sqrt(alive * AREA)
    centre, velocity = random.uniform(0, side, (alive, 2)), random.normal(0, 1, (alive, 2))
    half = random.uniform(15, 35, (alive, 1)) * (1, 2.2)
    visible = np.ones(alive, bool)
    hide = (alive - seen) / seen / HIDDEN_FRAMES
    for _ in range(frames):
        centre += velocity
        rows = visible.nonzero()[0]
        observed = centre[rows] + random.normal(0, 1, (len(rows), 2))
        high = random.random(len(rows)) < 0.8
        scores = np.where(high, random.uniform(0.75, 0.95, len(rows)), 0.4)
        yield Detections(
            np.hstack((observed - half[rows], observed + half[rows])).astype(np.float32),
            scores.astype(np.float32),
            np.zeros(len(rows), np.int64),
        )
        chance = random.random(alive)
        visible = np.where(visible, chance >= hide, chance < 1 / HIDDEN_FRAMES)
