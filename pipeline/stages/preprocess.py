"""Frames to batches: letterboxed, RGB, in the one array that the engine takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from detector.detections import UInt8Array
from detector.letterbox import Letterbox
from pipeline.frames.batch import Batch, Ready
from pipeline.frames.frame import Frame
from pipeline.frames.picture import Picture
from pipeline.runtime.stage import Stage


class Preprocess(Stage[Ready, Batch]):
    """Letterboxes frames to the network's input size, or leaves that to the engine's GPU.

    size: (height, width) of the input
    gpu: the GPU in whose memory the engine takes frames; None: it takes none
    """

    def __init__(self, size: tuple[int, int], gpu: int | None = None) -> None:
        self._size = size
        self._gpu = gpu

    def process(self, item: Ready) -> Iterable[Batch]:
        """Return one batch of the frames, in their order; their sizes may differ.

        Frames on the GPU and others become two batches, unless they share a stream, whose order
        that could change: then all come to the host.
        """
        there = tuple(frame for frame in item.frames if self._is_there(frame.picture))
        here = tuple(frame for frame in item.frames if not self._is_there(frame.picture))
        if {frame.stream.name for frame in there} & {frame.stream.name for frame in here}:
            there, here = (), item.frames
        batches = []
        if there:
            batches.append(Batch(there, self._fit(there), None))
        if here:
            letterboxes = self._fit(here)
            batches.append(Batch(here, letterboxes, letterboxed(here, letterboxes)))
        return batches

    def _is_there(self, picture: Picture) -> bool:
        return picture.device is not None and picture.device.gpu == self._gpu

    def _fit(self, frames: Sequence[Frame]) -> tuple[Letterbox, ...]:
        sizes = [(frame.picture.height, frame.picture.width) for frame in frames]
        return tuple(Letterbox.fit(size, self._size) for size in sizes)


def letterboxed(frames: Sequence[Frame], letterboxes: Sequence[Letterbox]) -> UInt8Array:
    """Return the (n, h, w, 3) RGB images of frames, read-only; those on a GPU are copied here."""
    images = np.empty((len(frames), *letterboxes[0].size, 3), np.uint8)
    for frame, letterbox, image in zip(frames, letterboxes, images, strict=True):
        _letterbox(frame.picture, letterbox, image)
    images.flags.writeable = False
    return images


def _letterbox(picture: Picture, letterbox: Letterbox, out: UInt8Array) -> None:
    if picture.has_planes:
        letterbox.apply_to_planes(picture.planes, out)
        return
    inside = letterbox.inside(letterbox.apply(picture.bgr, out))
    cv2.cvtColor(inside, cv2.COLOR_BGR2RGB, dst=inside)  # after shrinking: fewer pixels
