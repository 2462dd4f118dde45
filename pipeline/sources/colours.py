"""Colours as players show them: what untagged video means, and HDR made BT.709."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from struct import unpack_from
from typing import SupportsBytes, cast

import cv2
import numpy as np
from av import VideoFrame
from av.sidedata.sidedata import Type
from numpy.typing import NDArray

from detector.detections import UInt8Array

FloatArray = NDArray[np.float32]

# numbers of ITU-T H.273
BT709, UNSPECIFIED, BT2020 = 1, 2, 9
PQ, HLG = 16, 18
HDR = {PQ: "PQ", HLG: "HLG"}

_SD_HEIGHT = 576  # lines; players read what has more as BT.709
_NITS = 100  # of SDR's white: the unit of linear light
_HLG_PEAK = 1000.0  # nits of the display that HLG is defined for
_PQ_PEAK = 10000.0  # nits, if a PQ video does not say what it was mastered for
_LUMA = np.array([0.0593, 0.6780, 0.2627], np.float32)  # of B, G, R in BT.2020
# BT.2020 to BT.709 primaries in linear light, rows and columns B, G, R (ITU-R BT.2087)
_TO_BT709 = np.array(
    [[1.1187, -0.1006, -0.0182], [-0.0083, 1.1329, -0.1246], [-0.0728, -0.5876, 1.6605]],
    np.float32,
)


def matrix(frame: VideoFrame) -> int | None:
    """Return the matrix to read an untagged frame with; None: its own, or BT.601 without one."""
    if frame.colorspace != UNSPECIFIED:
        return None
    if frame.color_trc in HDR:
        return BT2020
    return BT709 if frame.height > _SD_HEIGHT else None


def side_data(frame: VideoFrame, kind: Type) -> bytes:
    """Return what comes beside the pixels of a frame; empty if it has none of that kind."""
    by_kind = cast(Mapping[Type, SupportsBytes], frame.side_data)  # PyAV declares other keys
    return bytes(by_kind.get(kind, b""))


def tone_mapped(bgr: UInt8Array, transfer: int, peak: float) -> UInt8Array:
    """Return (h, w, 3) BGR in HLG or PQ as BT.709; peak: nits, see `peak_nits`."""
    table = _table(transfer, peak)
    wide = bgr.astype(np.int32)
    return np.take(table, (wide[..., 0] << 16) | (wide[..., 1] << 8) | wide[..., 2], axis=0)


def peak_nits(frame: VideoFrame) -> float:
    """Return the brightest light in an HDR video: of its mastering display, if it is named."""
    if frame.color_trc == HLG:
        return _HLG_PEAK
    content = side_data(frame, Type.MASTERING_DISPLAY_METADATA)
    if len(content) < 88 or not unpack_from("=i", content, 84)[0]:
        return _PQ_PEAK
    numerator, denominator = unpack_from("=ii", content, 72)
    nits = float(Fraction(numerator, denominator)) if denominator else _PQ_PEAK
    return min(max(nits, _NITS), _PQ_PEAK)


@lru_cache(maxsize=2)
def _table(transfer: int, peak: float) -> UInt8Array:
    """Return the (2**24, 3) BGR of BT.709 for each BGR: 48 MiB, and one look-up per pixel."""
    codes = np.arange(256, dtype=np.uint8)
    table = np.empty((256, 256, 256, 3), np.uint8)
    for blue in range(256):
        plane = table[blue]
        plane[..., 0], plane[..., 1], plane[..., 2] = blue, codes[:, None], codes
        plane[...] = _mapped(plane, transfer, peak)
    return table.reshape(-1, 3)


def _mapped(bgr: UInt8Array, transfer: int, peak: float) -> UInt8Array:
    """Return BGR of BT.709: light, primaries, Hable's curve on the highest channel, BT.1886."""
    signal = np.arange(256) / 255
    if transfer == PQ:
        light = np.asarray(_pq_light(signal)[bgr], np.float32)
    else:
        light = np.asarray(_hlg_light(signal)[bgr], np.float32)
        light *= np.maximum(light @ _LUMA, 1e-6)[..., None] ** 0.2 * (_HLG_PEAK / _NITS)
    light = np.asarray(cv2.transform(light, _TO_BT709), np.float32)
    highest = np.maximum(light.max(axis=-1, keepdims=True), 1e-6)
    light *= _hable(highest) / _hable(np.float32(peak / _NITS)) / highest
    return np.asarray(np.clip(light, 0, 1) ** (1 / 2.4) * 255 + 0.5, np.uint8)


def _pq_light(signal: NDArray[np.float64]) -> FloatArray:
    """Return light in units of SDR's white (SMPTE ST 2084)."""
    power = signal ** (32 / 2523)
    light = np.maximum(power - 107 / 128, 0) / (2413 / 128 - 2392 / 128 * power)
    return np.asarray(light ** (8192 / 1305) * (10000 / _NITS), np.float32)


def _hlg_light(signal: NDArray[np.float64]) -> FloatArray:
    """Return light of the scene, 0 to 1 (ITU-R BT.2100)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    light = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    return np.asarray(light, np.float32)


def _hable(light: FloatArray | np.float32) -> FloatArray:
    above = light * (0.15 * light + 0.05) + 0.004
    return np.asarray(above / (light * (0.15 * light + 0.5) + 0.06) - 0.02 / 0.3, np.float32)
