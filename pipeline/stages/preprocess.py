"""Frames to a batch: letterboxed, RGB, in the one array that the engine takes."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from detector.detections import UInt8Array
from detector.letterbox import Letterbox
from pipeline.frames.batch import Batch, Ready
from pipeline.frames.picture import Picture
from pipeline.runtime.stage import Stage


class Preprocess(Stage[Ready, Batch]):
    """Letterboxes frames to the network's input size.

    size: (height, width) of the input
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size

    def process(self, item: Ready) -> Iterable[Batch]:
        """Return one batch of the frames, in their order; their sizes may differ."""
        images = np.empty((len(item.frames), *self._size, 3), np.uint8)
        letterboxes = tuple(self._fit(frame.picture) for frame in item.frames)
        for frame, letterbox, image in zip(item.frames, letterboxes, images, strict=True):
            _letterbox(frame.picture, letterbox, image)
        images.flags.writeable = False
        return (Batch(item.frames, letterboxes, images),)

    def _fit(self, picture: Picture) -> Letterbox:
        return Letterbox.fit((picture.height, picture.width), self._size)


def _letterbox(picture: Picture, letterbox: Letterbox, out: UInt8Array) -> None:
    if picture.has_planes:
        letterbox.apply_to_planes(picture.planes, out)
        return
    inside = letterbox.inside(letterbox.apply(picture.bgr, out))
    cv2.cvtColor(inside, cv2.COLOR_BGR2RGB, dst=inside)  # after shrinking: fewer pixels
