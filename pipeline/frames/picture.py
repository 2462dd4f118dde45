"""A decoded picture: its planes and its BGR array, made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from threading import Lock

import cv2
import numpy as np

from detector.detections import UInt8Array
from detector.kernels.device_frame import DeviceFrame
from detector.yuv.colour_space import ColourSpace
from detector.yuv.planes import Planes

SQUARE = Fraction(1)  # pixels


@dataclass(frozen=True, slots=True)
class ColourTags:
    """What the colours of a picture mean, as code points of ITU-T H.273; 2: unspecified."""

    primaries: int = 2
    transfer: int = 2


UNTAGGED = ColourTags()
RGB_SPACE = ColourSpace()  # of the planes that are made of red, green and blue


class Picture:
    """A decoded picture, upright: the planes of the decoder, or a BGR array, or both.

    Most video is 4:2:0 with 8 bits, and its planes serve the network and the encoder; a BGR array
    is made at the first request. Where there are no planes, the decoder's own picture is released
    then, which halves the memory.

    A picture may lie in the memory of a GPU. It is copied to the host at the first request for
    pixels, once, and whole.

    to_planes: returns the planes; None: the decoder's picture has none
    space: of the planes
    to_luma: returns the luma, as `luma` does; None: it is computed from the BGR array
    device: where it lies on a GPU; None: it lies on the host only
    pixel_aspect: width of a pixel by its height when displayed
    colours: for the tags of outputs
    """

    def __init__(
        self,
        width: int,
        height: int,
        to_bgr: Callable[[], UInt8Array],
        *,
        to_planes: Callable[[], Planes] | None = None,
        space: ColourSpace = RGB_SPACE,
        to_luma: Callable[[int], UInt8Array] | None = None,
        device: DeviceFrame | None = None,
        pixel_aspect: Fraction = SQUARE,
        colours: ColourTags = UNTAGGED,
    ) -> None:
        self.width = width
        self.height = height
        self.pixel_aspect = pixel_aspect
        self.colours = colours
        self.space = space
        self.device = device
        self._to_bgr: Callable[[], UInt8Array] | None = to_bgr
        self._to_planes = to_planes
        self._to_luma = to_luma
        self._planes: Planes | None = None
        self._bgr: UInt8Array | None = None
        self._making = Lock()  # any thread may ask

    @property
    def has_planes(self) -> bool:
        """Whether `planes` are the decoder's, so that they cost no conversion."""
        return self._to_planes is not None

    @property
    def planes(self) -> Planes:
        """The luma and chroma, read-only; made of the BGR array, and not kept, if it has none."""
        if self._to_planes is None:
            return Planes.of_bgr(self.bgr).read_only()
        with self._making:
            if self._planes is None:
                planes = self._to_planes()
                assert planes.size == (self.height, self.width) and planes.space == self.space
                self._planes = planes.read_only()
            return self._planes

    @property
    def bgr(self) -> UInt8Array:
        """(h, w, 3) uint8, BGR, read-only."""
        with self._making:
            if self._bgr is None:
                assert self._to_bgr
                bgr = self._to_bgr()
                assert bgr.shape == (self.height, self.width, 3) and bgr.dtype == np.uint8
                bgr.flags.writeable = False
                self._bgr, self._to_bgr = bgr, None
                if self._to_planes is None:
                    self._to_luma = None
            return self._bgr

    def luma(self, min_height: int) -> UInt8Array:
        """Return the luma, shrunk by a whole number, to `min_height` rows or somewhat more.

        (h, w) uint8, in the range of the source. It costs a conversion to BGR only if the source
        has no plane of luma.
        """
        with self._making:
            to_luma = self._to_luma
            if to_luma is not None:
                return to_luma(min_height)
        return shrunk_luma(np.asarray(cv2.cvtColor(self.bgr, cv2.COLOR_BGR2GRAY)), min_height)

    @classmethod
    def of(cls, bgr: UInt8Array) -> Picture:
        """Return the picture that is this (h, w, 3) BGR array."""
        height, width = bgr.shape[:2]
        return cls(width, height, lambda: bgr)


def shrunk_luma(plane: UInt8Array, min_height: int) -> UInt8Array:
    """Return an (h, w) plane shrunk by a whole number, to `min_height` rows or somewhat more.

    Each cell is the mean of the pixels that it covers; of large cells, of every third row, which
    differs by less than noise and takes a third of the time.
    """
    side = max(1, plane.shape[0] // min_height)
    height, width = plane.shape[0] // side, max(1, plane.shape[1] // side)
    rows = plane[: height * side, : width * side]
    if side % 3 == 0:
        rows = rows[1::3]
    return np.asarray(cv2.resize(rows, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
