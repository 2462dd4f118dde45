"""What is published of the official weights: the size they are for, their accuracy, their licence.

The accuracy is that of the original repository on COCO test-dev, and for YOLOv7-tiny that of the
paper (table 1). On COCO's val2017, whose labels are public, it differs by a few tenths of a percent
(YOLOv7: 51.2 instead of 51.4 %).
"""

from __future__ import annotations

from typing import NamedTuple

LICENCE = "GPL-3.0"
CLASSES = 80  # those of COCO
TRAINING = "_training"  # end of the names of weights to train further


class Published(NamedTuple):
    """Side of the images in pixels, and average precision, 0..1: over IoU .50 to .95, and at .50.

    Each holds for the weights, and for those of the same network that are to be trained further.
    """

    size: int
    ap: float
    ap50: float


PUBLISHED = {
    "yolov7-tiny": Published(416, 0.352, 0.528),
    "yolov7": Published(640, 0.514, 0.697),
    "yolov7x": Published(640, 0.531, 0.712),
    "yolov7-w6": Published(1280, 0.549, 0.726),
    "yolov7-e6": Published(1280, 0.560, 0.735),
    "yolov7-d6": Published(1280, 0.566, 0.740),
    "yolov7-e6e": Published(1280, 0.568, 0.744),
}


def published(name: str) -> Published | None:
    """Return what is published of official weights, None for another name."""
    return PUBLISHED.get(name.removesuffix(".pt").removesuffix(TRAINING))
