"""The frame counter of the synthetic street: 32 black or white cells that survive a video codec.

24 bits of frame number (it wraps at 2**24), most significant first, then 8 check bits: CRC-8 with
the polynomial x^8 + x^2 + x + 1 (0x07) and the start value 0xFF, so that neither an all-black nor
an all-white row is a number.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.detections import UInt8Array

CELL = 16  # pixels: one macroblock of H.264, so that the edges of cells are edges of blocks
CELLS = 32
COUNTER_WIDTH = CELL * CELLS
_MIN_CONTRAST = 48  # of a cell's mean to mid-grey


def draw_counter(bgr: UInt8Array, index: int) -> None:
    """Write `index` (modulo 2**24) into the top left corner of an image >= 512 x 16, in place."""
    number = index % (1 << 24)
    word = number << 8 | _crc8(number)
    bits = [word >> shift & 1 for shift in range(CELLS - 1, -1, -1)]
    row = np.repeat(np.array(bits, np.uint8) * 255, CELL)
    bgr[:CELL, :COUNTER_WIDTH] = row[None, :, None]


def read_counter(bgr: UInt8Array) -> int | None:
    """Return the frame number that is drawn in an image, None if there is none.

    bgr: (h, w, 3) uint8; compression, a tint and a moderate change of brightness are tolerated
    """
    if bgr.shape[0] < CELL or bgr.shape[1] < COUNTER_WIDTH:
        return None
    means = _cell_means(bgr)
    if np.abs(means - 128).min() < _MIN_CONTRAST:
        return None
    word = int("".join("1" if mean > 128 else "0" for mean in means), 2)
    number, check = word >> 8, word & 0xFF
    return number if _crc8(number) == check else None


def _cell_means(bgr: UInt8Array) -> NDArray[np.float64]:
    """Return the mean brightness of the middle of each cell, because a codec blurs the edges."""
    cells = bgr[:CELL, :COUNTER_WIDTH].reshape(CELL, CELLS, CELL, 3)
    return np.asarray(cells[4:12, :, 4:12].mean(axis=(0, 2, 3)), np.float64)


def _crc8(number: int) -> int:
    """Return the check bits of the 24 bits of `number`."""
    crc = 0xFF
    for byte in number.to_bytes(3, "big"):
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc
