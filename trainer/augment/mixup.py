"""Mixup: two pictures at once, each half transparent, with the objects of both."""

from __future__ import annotations

import cv2
import numpy as np

from trainer.data.labelled_image import Picture

BETA = 8.0  # of the distribution of their shares, as published: mostly about one half each


def mixed(one: Picture, other: Picture, rng: np.random.Generator) -> Picture:
    """Return two pictures of the same size over each other (Zhang et al. 2018, mixup)."""
    share = rng.beta(BETA, BETA)
    image = cv2.addWeighted(one.image, share, other.image, 1 - share, 0)
    return Picture(
        image.astype(np.uint8, copy=False),
        np.concatenate([one.boxes_xyxy, other.boxes_xyxy]),
        np.concatenate([one.class_ids, other.class_ids]),
    )
