"""How a camera moved from one picture to the next, estimated from what stands still.

It looks at the small picture that was made for the network: about ten milliseconds for 512 x 384.
"""

from __future__ import annotations

import cv2
import numpy as np

from detector.detections import Float32Array, UInt8Array
from trackers.tracks import Affine

CORNERS = 200  # that are followed; a quarter of them would do where the picture is sharp
QUALITY = 0.01  # of the best corner, below which a corner is none
APART = 8  # pixels between two corners, so that they are spread over the picture
AGREEING = 12  # corners that have to move alike for a motion to be believed
TOLERANCE = 1.0  # pixels by which one of them may be off
UNMOVED = 0.25  # pixels: what moves less is the error of the estimate


class CameraMotion:
    """Follows the pictures of one stream.

    Corners are followed by optical flow (Lucas and Kanade 1981, in pyramids), and a shift, turn
    and zoom is sought that most of them agree on (RANSAC). Those on objects are left out.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the picture before."""
        self._before: UInt8Array | None = None
        self._corners = np.empty((0, 1, 2), np.float32)

    def step(self, image: UInt8Array, boxes_xyxy: Float32Array, scale: float) -> Affine | None:
        """Return the (2, 3) affine that maps the picture before onto this one; None: it stood.

        image: (h, w, 3) uint8 RGB; boxes_xyxy: (n, 4) objects in it, in source pixels
        scale: source pixels per pixel of `image`; the affine is in source pixels
        """
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
        before, corners = self._before, self._corners
        self._before, self._corners = grey, _corners(grey, boxes_xyxy / scale)
        if before is None or before.shape != grey.shape or len(corners) < AGREEING:
            return None
        motion = _motion(before, grey, corners)
        if motion is None or not _moves(motion, grey.shape):
            return None
        motion[:, 2] *= scale
        return motion


def _corners(grey: UInt8Array, boxes_xyxy: Float32Array) -> Float32Array:
    """Return (k, 1, 2) float32 places that are easily found again, outside of the boxes."""
    background = np.full(grey.shape, 255, np.uint8)
    for left, top, right, bottom in boxes_xyxy.round().astype(int).clip(0).tolist():
        background[top:bottom, left:right] = 0
    found = cv2.goodFeaturesToTrack(grey, CORNERS, QUALITY, APART, mask=background)
    return np.empty((0, 1, 2), np.float32) if found is None else found.astype(np.float32)


def _motion(before: UInt8Array, grey: UInt8Array, corners: Float32Array) -> Affine | None:
    """Return the (2, 3) affine that most corners follow, None if too few agree."""
    start = np.empty_like(corners)  # not looked at: no flag says that it is a guess
    there, found, _ = cv2.calcOpticalFlowPyrLK(before, grey, corners, start)
    followed = found[:, 0] == 1
    if followed.sum() < AGREEING:
        return None
    motion, agreeing = cv2.estimateAffinePartial2D(
        corners[followed], there[followed], method=cv2.RANSAC, ransacReprojThreshold=TOLERANCE
    )
    if motion is None or agreeing.sum() < AGREEING:
        return None
    return np.asarray(motion, np.float64)


def _moves(motion: Affine, shape: tuple[int, ...]) -> bool:
    """Return whether a corner of a picture of this (height, width) is moved noticeably."""
    height, width = shape
    edges = np.array([(0, 0), (width, 0), (0, height), (width, height)], np.float64)
    moved = edges @ motion[:, :2].T + motion[:, 2] - edges
    return bool(np.abs(moved).max() > UNMOVED)
