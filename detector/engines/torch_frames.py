"""Frames in GPU memory to images of the engine's input, with torch: no copy to the host."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from detector.kernels.device_frame import DeviceFrame
from detector.letterbox import PAD_VALUE, Letterbox, steps
from detector.yuv.colour_space import ColourSpace


class _Memory:
    """Bytes of a GPU, as torch takes them without a copy."""

    def __init__(self, address: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
        self.__cuda_array_interface__: dict[str, Any] = {
            "data": (address, False),
            "shape": shape,
            "strides": strides,
            "typestr": "|u1",
            "version": 3,
        }


def planes_of(frame: DeviceFrame, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return views of a frame: luma (h, w), and chroma ((h + 1) // 2, (w + 1) // 2, 2), uint8."""
    luma = _Memory(frame.luma, (frame.height, frame.width), (frame.luma_pitch, 1))
    half = ((frame.height + 1) // 2, (frame.width + 1) // 2, 2)
    chroma = _Memory(frame.chroma, half, (frame.chroma_pitch, 2, 1))
    return torch.as_tensor(luma, device=device), torch.as_tensor(chroma, device=device)


def letterboxed(luma: Tensor, chroma: Tensor, space: ColourSpace, letterbox: Letterbox) -> Tensor:
    """Return (H, W, 3) uint8, RGB, as `apply_to_planes` of the letterbox does.

    It differs by a grey level in each plane at most, because OpenCV rounds in integers.
    """
    planes = [luma, chroma[..., 0], chroma[..., 1]]
    scaled = torch.stack([_scaled(plane, letterbox.resized) for plane in planes], dim=-1)
    to_rgb = _to_rgb(space, luma.device)
    rgb = scaled @ to_rgb[:, :3].T + to_rgb[:, 3]
    image = torch.full((*letterbox.size, 3), PAD_VALUE, dtype=torch.uint8, device=luma.device)
    (top, left), (height, width) = letterbox.corner, letterbox.resized
    image[top : top + height, left : left + width] = rgb.round().clamp(0, 255).to(torch.uint8)
    return image


def _scaled(plane: Tensor, resized: tuple[int, int]) -> Tensor:
    """Return a (h, w) plane as float32 of whole numbers, scaled as the letterbox does."""
    height, width = plane.shape
    halvings, by_area = steps((height, width), resized)
    values = plane.float()
    for _ in range(halvings):
        sums = values[::2, ::2] + values[1::2, ::2] + values[::2, 1::2] + values[1::2, 1::2]
        values = ((sums + 2) / 4).floor()
    down = _weights(values.shape[0], resized[0], by_area, plane.device)
    across = _weights(values.shape[1], resized[1], by_area, plane.device)
    return (down @ values @ across.T).round()


@lru_cache(maxsize=16)
def _to_rgb(space: ColourSpace, device: torch.device) -> Tensor:
    return torch.from_numpy(space.to_rgb).to(device)


@lru_cache(maxsize=64)
def _weights(length: int, wanted: int, by_area: bool, device: torch.device) -> Tensor:
    """Return (wanted, length): what each value gives to each value of the result."""
    scale = length / wanted
    positions = np.arange(length)
    if by_area:
        first = np.arange(wanted)[:, None] * scale
        shares = np.minimum(positions + 1, first + scale) - np.maximum(positions, first)
        weights = shares.clip(0) / scale
    else:
        at = ((np.arange(wanted) + 0.5) * scale - 0.5).clip(0, length - 1)[:, None]
        weights = (1 - np.abs(positions - at)).clip(0)
    return torch.from_numpy(weights.astype(np.float32)).to(device)
