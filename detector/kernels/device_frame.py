"""A decoded frame in GPU memory, and the arguments with which a kernel makes engine input of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from detector.letterbox import PAD_VALUE, Letterbox, steps
from detector.yuv.colour_space import ColourSpace

SOURCE = Path(__file__).with_name("letterbox_nv12.cu")
KERNEL = "letterbox_nv12"
FORMATS = "PPiiiiiiiiiiiiiiiffffffffffffP"  # of its arguments, as Python's struct names them
BLOCK = (16, 16)  # threads
Argument = int | float


@dataclass(frozen=True, slots=True)
class DeviceFrame:
    """A frame in NV12, 8 bits, in the memory of a GPU.

    luma, chroma: addresses; luma_pitch, chroma_pitch: bytes from one row to the next
    width, height: in pixels; space: what the bytes mean
    stream: handle of the CUDA stream on which the decoder wrote it; gpu: number of the GPU
    owner: keeps the memory as long as the frame lives
    """

    luma: int
    luma_pitch: int
    chroma: int
    chroma_pitch: int
    width: int
    height: int
    space: ColourSpace = ColourSpace()  # noqa: RUF009  # it is frozen
    stream: int = 0
    gpu: int = 0
    owner: object = field(default=None, repr=False)


def arguments(frame: DeviceFrame, letterbox: Letterbox, out: int) -> tuple[Argument, ...]:
    """Return the arguments of the kernel.

    out: address of the (H, W, 3) bytes that it writes
    """
    assert letterbox.source == (frame.height, frame.width), (letterbox, frame)
    half = ((frame.height + 1) // 2, (frame.width + 1) // 2)
    (height, width), (top, left) = letterbox.resized, letterbox.corner
    return (
        *(frame.luma, frame.chroma, frame.luma_pitch, frame.chroma_pitch),
        *(frame.width, frame.height),
        *map(int, steps(letterbox.source, letterbox.resized)),
        *map(int, steps(half, letterbox.resized)),
        *(width, height, left, top, letterbox.size[1], letterbox.size[0], PAD_VALUE),
        *map(float, frame.space.to_rgb.ravel()),
        out,
    )


def grid(letterbox: Letterbox) -> tuple[int, int]:
    """Return how many blocks of threads the kernel needs in each direction."""
    height, width = letterbox.size
    return -(-width // BLOCK[0]), -(-height // BLOCK[1])
