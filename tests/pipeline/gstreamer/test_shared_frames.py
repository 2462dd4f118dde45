"""Frames in shared memory: what is lent, what is copied, and when a slot is free again."""

from __future__ import annotations

import os
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from av import VideoFrame

from pipeline.gstreamer.shared_frames import SharedFrames

SLOTS = 4
PIXELS = np.random.default_rng(7)


def layout(width: int, height: int, pixel_format: str) -> dict[str, Any]:
    """Return the layout that GStreamer documents for a raw frame of a size."""
    luma = (width + 3) // 4 * 4
    chroma = ((width + 1) // 2 + 3) // 4 * 4 if pixel_format == "I420" else luma
    rows, chroma_rows = (height + 1) // 2 * 2, (height + 1) // 2
    offsets = [0, luma * rows, luma * rows + chroma * chroma_rows]
    planes = 3 if pixel_format == "I420" else 2
    return {
        "ring": 0,
        "slots": SLOTS,
        "step": offsets[2] + chroma * chroma_rows,
        "format": pixel_format,
        "width": width,
        "height": height,
        "strides": [luma, chroma, chroma][:planes],
        "offsets": offsets[:planes],
        "pixel_aspect": [4, 3],
        "colours": {},
    }


def shared(where: dict[str, Any]) -> tuple[SharedFrames, bytes]:
    """Return slots full of noise, and the noise."""
    noise = PIXELS.bytes(where["step"] * SLOTS)
    descriptor = os.memfd_create("test")
    os.write(descriptor, noise)
    return SharedFrames(where, descriptor), noise


def planes_of(frame: VideoFrame) -> list[bytes]:
    """Return the bytes of each plane without padding."""
    bytes_per_row = {
        "yuv420p": [frame.width, -(-frame.width // 2), -(-frame.width // 2)],
        "nv12": [frame.width, -(-frame.width // 2) * 2],
    }[frame.format.name]
    found = []
    for plane, width in zip(frame.planes, bytes_per_row, strict=True):
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
        found.append(rows[:, :width].tobytes())
    return found


@pytest.mark.parametrize("pixel_format", ["I420", "NV12"])
@pytest.mark.parametrize(
    "size", [(64, 32), (512, 64), (66, 34), (61, 33), (850, 480), (62, 36), (16, 18)]
)
def test_a_frame_has_the_pixels_of_its_slot(size: tuple[int, int], pixel_format: str) -> None:
    where = layout(*size, pixel_format)
    frames, noise = shared(where)
    frame = frames.frame(2)
    assert (frame.width, frame.height) == size
    assert frames.pixel_aspect == Fraction(4, 3)
    slot = noise[2 * where["step"] : 3 * where["step"]]
    heights = [size[1], *[-(-size[1] // 2)] * 2]
    for plane, content in enumerate(planes_of(frame)):
        stride, start = where["strides"][plane], where["offsets"][plane]
        width = len(content) // heights[plane]
        rows = [slot[start + y * stride :][:width] for y in range(heights[plane])]
        assert content == b"".join(rows)


def test_a_slot_is_free_once_its_frame_is_forgotten_by_all() -> None:
    frames, _ = shared(layout(64, 32, "I420"))
    frame: VideoFrame | None = frames.frame(1)
    kept = frame.planes[0]  # type: ignore[union-attr]
    assert frames.free() == []
    frame = None
    assert frames.free() == []
    del kept
    assert frames.free() == [1]
    assert frames.free() == []


def test_with_half_of_the_slots_lent_the_next_frames_are_copies() -> None:
    where = layout(64, 32, "NV12")
    frames, noise = shared(where)
    held = [frames.frame(slot) for slot in range(SLOTS)]
    assert frames.free() == [2, 3]
    for slot, frame in enumerate(held):
        assert planes_of(frame)[0] == noise[slot * where["step"] :][: 64 * 32]
    held.clear()
    del frame
    assert sorted(frames.free()) == [0, 1]
    frames.frame(3)  # lent again, and forgotten at once
    assert frames.free() == [3]


def test_a_frame_outlives_its_ring_and_an_unwanted_slot_is_free_at_once() -> None:
    where = layout(64, 32, "I420")
    frames, noise = shared(where)
    frames.forget(3)
    assert frames.free() == [3]
    frame = frames.frame(0)
    del frames
    assert planes_of(frame)[0] == noise[: 64 * 32]


def test_the_descriptor_is_closed_also_if_the_memory_is_too_small() -> None:
    descriptor = os.memfd_create("test")
    with pytest.raises(ValueError, match="mmap"):
        SharedFrames(layout(64, 32, "I420"), descriptor)
    with pytest.raises(OSError, match="descriptor"):
        os.fstat(descriptor)
