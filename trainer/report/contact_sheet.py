"""A contact sheet: batches as the network sees them, with their boxes, in one image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from detector.atomic_write import replacing
from detector.detections import Float32Array, UInt8Array
from detector.drawing import draw_box
from detector.errors import UsageError
from detector.image_suffixes import IMAGE_SUFFIXES, is_image
from trainer.data.prefetch import Batch
from trainer.data.samples import IGNORED

COLOURS_RGB = (
    (230, 60, 60),
    (60, 150, 255),
    (60, 200, 90),
    (250, 190, 40),
    (190, 90, 230),
    (40, 210, 210),
)
IGNORED_RGB = (0, 0, 0)
GAP = 4  # pixels between images


def contact_sheet(batches: Sequence[Batch], class_names: Sequence[str]) -> UInt8Array:
    """Return the images of batches, all of one size, as one (h, w, 3) uint8 RGB image."""
    tiles = [
        labelled(image, targets[targets[:, 0] == number, 1:], class_names)
        for images, targets in batches
        for number, image in enumerate(images)
    ]
    columns = math.ceil(math.sqrt(len(tiles)))
    rows = -(-len(tiles) // columns)
    height, width = tiles[0].shape[0] + GAP, tiles[0].shape[1] + GAP
    page: UInt8Array = np.full((rows * height - GAP, columns * width - GAP, 3), 255, np.uint8)
    for number, tile in enumerate(tiles):
        top, left = number // columns * height, number % columns * width
        page[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return page


def labelled(image: UInt8Array, targets: Float32Array, class_names: Sequence[str]) -> UInt8Array:
    """Return a copy of an (h, w, 3) RGB image with its targets and regions to ignore drawn on it.

    targets: (n, 5) class or IGNORED, cx, cy, w, h, as fractions of the image
    """
    drawn: UInt8Array = image.copy()
    height, width = image.shape[:2]
    for class_id, cx, cy, w, h in targets.tolist():
        name, colour = "ignored", IGNORED_RGB
        if class_id != IGNORED:
            name, colour = class_names[int(class_id)], COLOURS_RGB[int(class_id) % len(COLOURS_RGB)]
        left, top = round((cx - w / 2) * width), round((cy - h / 2) * height)
        right, bottom = round((cx + w / 2) * width), round((cy + h / 2) * height)
        draw_box(drawn, (left, top, right, bottom), colour)
        start = (left + 2, max(top - 3, 9))
        cv2.putText(drawn, name, start, cv2.FONT_HERSHEY_SIMPLEX, 0.35, colour, 1)
    return drawn


def write_image(path: Path, image: UInt8Array) -> None:
    """Write an (h, w, 3) RGB image atomically, in the format of the file's suffix.

    Raises UsageError for an unknown suffix, or a path that cannot be written.
    """
    if not is_image(path):
        raise UsageError(f"{path}: give a name that ends in {', '.join(IMAGE_SUFFIXES)}")
    encoded = cv2.imencode(path.suffix.lower(), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1]
    try:
        with replacing(path) as written:
            written.write_bytes(encoded.tobytes())
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
