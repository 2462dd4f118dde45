"""Colours as players show them: a matrix for untagged video, and tone mapping of HDR to BT.709."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from struct import unpack_from

import cv2
import numpy as np
from av import VideoFrame
from av.sidedata.sidedata import Type
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from detector.detections import UInt8Array
from detector.yuv.colour_space import BT601, BT709, BT2020, UNSPECIFIED, ColourSpace
from pipeline.codecs.side_data import side_data
from pipeline.frames.picture import UNTAGGED, ColourTags

FloatArray = NDArray[np.float32]

PQ, HLG = 16, 18  # transfer characteristics, code points of ITU-T H.273
HDR = {PQ: "PQ", HLG: "HLG"}  # transfer -> its name

_COLOUR = np.dtype("<u4")  # blue, green, red and one more byte
_UNKNOWN = 0
_ROWS = 64  # looked up at a time, so that they stay in the cache
_SD_HEIGHT = 576  # lines; players take untagged video with more lines for BT.709
_SDR_WHITE = 100  # nits; linear light is in units of it
_HLG_PEAK = 1000.0  # nits of the nominal HLG display
_PQ_PEAK = 10000.0  # nits; for PQ video without metadata of its mastering display
_BT2020_LUMA = np.array([0.0593, 0.6780, 0.2627], np.float32)  # weights of B, G, R
# between primaries, in linear light; rows and columns B, G, R (ITU-R BT.2087)
_BT2020_TO_BT709 = np.array(
    [[1.1187, -0.1006, -0.0182], [-0.0083, 1.1329, -0.1246], [-0.0728, -0.5876, 1.6605]],
    np.float32,
)


def assumed_matrix(frame: VideoFrame) -> int | None:
    """Return the matrix coefficients that players assume for an untagged frame.

    None: what swscale takes by itself, which is the tag of the frame, or BT.601 without one
    """
    if frame.colorspace != UNSPECIFIED:
        return None
    if frame.color_trc in HDR:
        return BT2020
    return BT709 if frame.height > _SD_HEIGHT else None


def space_of(frame: VideoFrame) -> ColourSpace | None:
    """Return what the bytes of a YUV frame mean, as players take it.

    None: HDR, which is tone-mapped, or a matrix whose colours only swscale can convert
    """
    matrix = assumed_matrix(frame) or frame.colorspace
    matrix = BT601 if matrix == UNSPECIFIED else matrix
    if frame.color_trc in HDR or not ColourSpace.known(matrix):
        return None
    full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
    return ColourSpace(matrix, full)


def tags(frame: VideoFrame) -> ColourTags:
    """Return what the BGR of a frame means, once HDR has been tone-mapped."""
    if frame.color_trc in HDR:
        return ColourTags(BT709, BT709)
    found = ColourTags(frame.color_primaries or UNSPECIFIED, frame.color_trc or UNSPECIFIED)
    if found == UNTAGGED and assumed_matrix(frame) == BT709:
        return ColourTags(BT709, BT709)  # as players take it
    return found


def tone_mapped(
    blue: UInt8Array, green: UInt8Array, red: UInt8Array, transfer: int, peak: float
) -> UInt8Array:
    """Return the (h, w, 3) BGR of BT.709 for an HDR image.

    blue, green, red: (h, w), BT.2020 primaries
    transfer: PQ or HLG
    peak: the brightest light, in nits: `peak_nits`
    """
    mapped = np.empty((*blue.shape, 3), np.uint8)
    none = np.zeros((_ROWS, blue.shape[1]), np.uint8)
    for top in range(0, len(blue), _ROWS):
        rows = slice(top, top + _ROWS)
        codes = cv2.merge((blue[rows], green[rows], red[rows], none[: len(blue[rows])]))
        found = _looked_up(codes.view(_COLOUR)[..., 0], transfer, peak)
        cv2.cvtColor(found[..., None].view(np.uint8), cv2.COLOR_BGRA2BGR, dst=mapped[rows])
    return mapped


def peak_nits(frame: VideoFrame) -> float:
    """Return the peak luminance of an HDR frame in nits.

    PQ: of the mastering display, between 100 and 10,000, or 10,000 if the frame does not name it
    HLG: 1000
    """
    if frame.color_trc == HLG:
        return _HLG_PEAK
    content = side_data(frame, Type.MASTERING_DISPLAY_METADATA) or b""
    if len(content) < 88 or not unpack_from("=i", content, 84)[0]:
        return _PQ_PEAK
    numerator, denominator = unpack_from("=ii", content, 72)
    nits = float(Fraction(numerator, denominator)) if denominator else _PQ_PEAK
    return min(max(nits, _SDR_WHITE), _PQ_PEAK)


def _looked_up(colours: NDArray[np.uint32], transfer: int, peak: float) -> NDArray[np.uint32]:
    """Return the tone-mapped colours; each is computed once and kept."""
    table = _lookup_table(transfer, peak)
    found = table.take(colours, mode="clip")  # the quickest mode
    if found.min() == _UNKNOWN:
        new = np.unique(colours[found == _UNKNOWN])
        bgr = new[:, None].view(np.uint8)[:, None, :3]
        table[new] = (
            cv2.cvtColor(_tone_map(bgr, transfer, peak), cv2.COLOR_BGR2BGRA).view(_COLOUR).ravel()
        )
        found = table.take(colours, mode="clip")
    return found


@lru_cache(maxsize=2)
def _lookup_table(transfer: int, peak: float) -> NDArray[np.uint32]:
    """Return a table for the tone-mapped colour of every 8-bit colour: (2**24,), up to 64 MiB.

    Index and value are four bytes: blue, green, red, and 0 or 255. Threads that fill an entry at
    the same time write the same value.
    """
    return np.zeros(1 << 24, _COLOUR)  # all unknown; takes memory as it is filled


def _tone_map(bgr: UInt8Array, transfer: int, peak: float) -> UInt8Array:
    """Return (n, m, 3) HDR BGR as BT.709.

    The steps: linear light, BT.709 primaries, Hable's curve on the highest channel (the others are
    scaled with it), the inverse of BT.1886.
    """
    signal = np.arange(256) / 255
    if transfer == PQ:
        light = np.asarray(_pq_to_light(signal)[bgr], np.float32)
    else:
        light = np.asarray(_hlg_to_light(signal)[bgr], np.float32)
        light *= np.maximum(light @ _BT2020_LUMA, 1e-6)[..., None] ** 0.2 * (_HLG_PEAK / _SDR_WHITE)
    light = np.asarray(cv2.transform(light, _BT2020_TO_BT709), np.float32)
    highest = np.maximum(light.max(axis=-1, keepdims=True), 1e-6)
    light *= _hable(highest) / _hable(np.float32(peak / _SDR_WHITE)) / highest
    return np.asarray(np.clip(light, 0, 1) ** (1 / 2.4) * 255 + 0.5, np.uint8)


def _pq_to_light(signal: NDArray[np.float64]) -> FloatArray:
    """Return the display light of a PQ signal (0 to 1), in units of SDR white (SMPTE ST 2084)."""
    power = signal ** (32 / 2523)
    light = np.maximum(power - 107 / 128, 0) / (2413 / 128 - 2392 / 128 * power)
    return np.asarray(light ** (8192 / 1305) * (10000 / _SDR_WHITE), np.float32)


def _hlg_to_light(signal: NDArray[np.float64]) -> FloatArray:
    """Return the scene light (0 to 1) of an HLG signal (0 to 1), by ITU-R BT.2100."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    light = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    return np.asarray(light, np.float32)


def _hable(light: FloatArray | np.float32) -> FloatArray:
    """Return Hable's filmic curve of linear light, not yet scaled to a white of 1."""
    above = light * (0.15 * light + 0.05) + 0.004
    return np.asarray(above / (light * (0.15 * light + 0.5) + 0.06) - 0.02 / 0.3, np.float32)
