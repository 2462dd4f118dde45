"""Mixup: a blend of two images, with the objects of both."""

from __future__ import annotations

import cv2
import numpy as np

from trainer.data.labelled_image import LabelledImage

BETA = 8.0  # the shares come from Beta(8, 8), as in YOLOv7: mostly about one half each


def mixed(one: LabelledImage, other: LabelledImage, rng: np.random.Generator) -> LabelledImage:
    """Return a random blend of two images of the same size (Zhang et al. 2018, mixup)."""
    share = rng.beta(BETA, BETA)
    image = cv2.addWeighted(one.image, share, other.image, 1 - share, 0)
    return LabelledImage(
        image.astype(np.uint8, copy=False),
        np.concatenate([one.boxes_xyxy, other.boxes_xyxy]),
        np.concatenate([one.class_ids, other.class_ids]),
    )
