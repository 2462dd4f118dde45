"""What luma and chroma mean: the matrix that made them of red, green and blue, and their range."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Affine = NDArray[np.float32]  # (n, m + 1): a matrix, and behind it what is added

BT709, UNSPECIFIED, BT601, BT2020 = 1, 2, 6, 9  # matrix coefficients, code points of ITU-T H.273
_WEIGHTS = {  # of red and of blue in luma
    BT709: (0.2126, 0.0722),
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.601 of 625 lines
    BT601: (0.299, 0.114),
    7: (0.212, 0.087),  # SMPTE 240M
    BT2020: (0.2627, 0.0593),
}


@dataclass(frozen=True, slots=True)
class ColourSpace:
    """How bytes of luma (Y) and chroma (Cb, Cr) become red, green and blue.

    matrix: code point of ITU-T H.273; one of those that `known` accepts
    full: whether 0 to 255 is used; else 16 to 235, and 16 to 240 for chroma
    """

    matrix: int = BT601
    full: bool = False

    @staticmethod
    def known(matrix: int) -> bool:
        """Return whether colours of this matrix can be converted here."""
        return matrix in _WEIGHTS

    @property
    def to_rgb(self) -> Affine:
        """(3, 4): from Y, Cb, Cr to R, G, B, all as bytes."""
        return _to_rgb(self)

    def yuv(self, bgr: tuple[int, int, int]) -> tuple[int, int, int]:
        """Return the Y, Cb, Cr of a colour."""
        return _yuv(self, bgr)

    def converted_to(self, other: ColourSpace) -> Affine:
        """Return the (3, 4) from Y, Cb, Cr to those of another space."""
        first, then = _to_rgb(self), _inverse(_to_rgb(other))
        matrix = then[:, :3] @ first
        matrix[:, 3] += then[:, 3]
        return matrix


@lru_cache(maxsize=64)
def _yuv(space: ColourSpace, bgr: tuple[int, int, int]) -> tuple[int, int, int]:
    from_rgb = _inverse(_to_rgb(space))
    y, cb, cr = (from_rgb @ [*bgr[::-1], 1]).round().clip(0, 255).astype(int).tolist()
    return y, cb, cr


@lru_cache(maxsize=16)
def _to_rgb(space: ColourSpace) -> Affine:
    red, blue = _WEIGHTS[space.matrix]
    green = 1 - red - blue
    by_cb = np.array([0, -2 * blue * (1 - blue) / green, 2 * (1 - blue)])
    by_cr = np.array([2 * (1 - red), -2 * red * (1 - red) / green, 0])
    black, luma, chroma = (0, 255, 255) if space.full else (16, 219, 224)  # lowest; ranges
    matrix = np.stack([np.ones(3) * 255 / luma, by_cb * 255 / chroma, by_cr * 255 / chroma], axis=1)
    return _affine(matrix, -matrix @ [black, 128, 128])


def _inverse(affine: Affine) -> Affine:
    matrix = np.linalg.inv(affine[:, :3].astype(np.float64))
    return _affine(matrix, -matrix @ affine[:, 3])


def _affine(matrix: NDArray[np.float64], added: NDArray[np.float64]) -> Affine:
    return np.column_stack([matrix, added]).astype(np.float32)
