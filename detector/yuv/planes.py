"""A picture of 8 bits in 4:2:0, as most video is decoded, and as encoders take it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from detector.detections import UInt8Array
from detector.yuv.colour_space import ColourSpace


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Planes:
    """The luma of a picture, and its chroma at half the height and width, rounded up.

    space: what they mean
    luma: (h, w) uint8
    cb, cr: ((h + 1) // 2, (w + 1) // 2) uint8
    """

    space: ColourSpace
    luma: UInt8Array
    cb: UInt8Array
    cr: UInt8Array

    def __post_init__(self) -> None:
        """Check the shapes and types."""
        assert all(plane.dtype == np.uint8 for plane in self.all), [p.dtype for p in self.all]
        half = tuple((side + 1) // 2 for side in self.luma.shape)
        assert self.cb.shape == self.cr.shape == half, [plane.shape for plane in self.all]

    @property
    def all(self) -> tuple[UInt8Array, UInt8Array, UInt8Array]:
        """Luma, Cb, Cr."""
        return self.luma, self.cb, self.cr

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        height, width = self.luma.shape
        return height, width

    @classmethod
    def of_bgr(cls, bgr: UInt8Array) -> Planes:
        """Return the planes of an (h, w, 3) BGR image, in BT.601 and limited range.

        OpenCV needs a third of swscale's time. It takes the chroma of one pixel in four, which
        loses nothing if the image was 4:2:0 before.
        """
        height, width = bgr.shape[:2]
        if height % 2 or width % 2:
            bgr = np.asarray(
                cv2.copyMakeBorder(bgr, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE), np.uint8
            )
        rows, columns = bgr.shape[:2]
        both = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420), np.uint8)
        cb, cr = both[rows:].reshape(2, rows // 2, columns // 2)
        return cls(ColourSpace(), both[:height, :width], cb, cr)

    def copy(self) -> Planes:
        """Return a copy that can be written to."""
        return Planes(self.space, *(plane.copy() for plane in self.all))

    def read_only(self) -> Planes:
        """Make the planes read-only, and return them."""
        for plane in self.all:
            plane.flags.writeable = False
        return self

    def bgr(self) -> UInt8Array:
        """Return the (h, w, 3) BGR image."""
        return np.asarray(cv2.transform(self._full_size(), self.space.to_rgb[::-1]), np.uint8)

    def converted(self, space: ColourSpace) -> Planes:
        """Return the same colours in another space."""
        if space == self.space:
            return self
        affine = self.space.converted_to(space)
        luma = cv2.transform(self._full_size(), affine[:1])
        chroma = cv2.transform(cv2.merge([self.cb, self.cr]), affine[1:, 1:])  # free of luma
        cb, cr = (np.asarray(plane, np.uint8) for plane in cv2.split(chroma))
        return Planes(space, np.asarray(luma, np.uint8), cb, cr)

    def _full_size(self) -> UInt8Array:
        """Return Y, Cb, Cr as (h, w, 3), each chroma for its four pixels."""
        height, width = self.size
        cb, cr = (plane.repeat(2, 0).repeat(2, 1)[:height, :width] for plane in (self.cb, self.cr))
        return np.asarray(cv2.merge([self.luma, cb, cr]), np.uint8)
