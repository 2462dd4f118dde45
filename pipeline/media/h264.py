"""Pictures to H.264, each at its exact time."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import PictureType
from av.video.stream import VideoStream

from detector.detections import UInt8Array

Preset = Literal[
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
]

GOP_SECONDS = 2  # what a kill may cost; shorter ones cost bits
MOST_TICKS = 2**31 - 1  # per second: time bases and time scales are 32 bit integers
BT601 = 6  # SMPTE 170M: the matrix of cv2's conversion
LIMITED = 1  # 16 to 235: its range


class H264:
    """The video stream of a container, made by x264.

    size: width and height of the pictures; the file's are even, edges repeated. A picture of
        another size is letterboxed into it.
    ticks: per second: what pts and durations count
    interval: what a frame lasts if no other follows
    pixel_aspect: width of a pixel by its height, as a player is to show it
    """

    def __init__(
        self,
        output: OutputContainer,
        size: tuple[int, int],
        *,
        ticks: int,
        interval: Fraction,
        pixel_aspect: Fraction,
        preset: Preset,
        crf: int,
        threads: int,
    ) -> None:
        self._time_base = Fraction(1, ticks)
        self._duration = max(1, round(interval * ticks))
        self._next_key: int | None = None  # pts
        self._gop = GOP_SECONDS * ticks
        self._stream = _stream(output, size, self._time_base, interval)
        self._stream.options = {"preset": preset, "crf": str(crf)}
        context = self._stream.codec_context
        context.thread_count = threads
        context.sample_aspect_ratio = pixel_aspect
        self._planar = Planar(context.width, context.height)

    def encode(self, bgr: UInt8Array, pts: int) -> list[Packet[VideoStream]]:
        """Take an (h, w, 3) picture; return the packets, of earlier pictures, that are ready."""
        frame = self._planar.frame(bgr)
        frame.pts, frame.time_base, frame.duration = pts, self._time_base, self._duration
        if self._next_key is None or pts >= self._next_key:
            frame.pict_type = PictureType.I
            self._next_key = pts + self._gop
        return self._stream.encode(frame)

    def flush(self) -> list[Packet[VideoStream]]:
        """Return the packets that are still held."""
        return self._stream.encode(None)


class Planar:
    """Makes 4:2:0 frames of one even size for an encoder."""

    def __init__(self, width: int, height: int) -> None:
        self._width, self._height = width, height
        self._planar = np.empty((height * 3 // 2, width), np.uint8)

    def frame(self, bgr: UInt8Array) -> av.VideoFrame:
        """Convert with OpenCV, at a third of swscale's cost; see `fit` for other sizes.

        It takes the chroma of one pixel in four, which loses nothing of what once was 4:2:0.
        """
        width, height, planar = self._width, self._height, self._planar
        cv2.cvtColor(fit(bgr, width, height), cv2.COLOR_BGR2YUV_I420, dst=planar)
        frame = av.VideoFrame(width, height, "yuv420p")
        luma = planar[:height].ravel()
        chroma = np.split(planar[height:].ravel(), 2)
        for plane, values in zip(frame.planes, (luma, *chroma), strict=True):
            rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
            rows[:, : plane.width] = values.reshape(plane.height, plane.width)
        return frame


def _stream(
    output: OutputContainer, size: tuple[int, int], time_base: Fraction, interval: Fraction
) -> VideoStream:
    rate = (1 / interval).limit_denominator(100_000)  # for the level only; times are the frames'
    stream = output.add_stream("libx264", rate=rate)
    context = stream.codec_context
    context.width, context.height = (side + side % 2 for side in size)
    context.pix_fmt = "yuv420p"
    context.colorspace, context.color_range = BT601, LIMITED
    context.time_base = stream.time_base = time_base
    return stream


def ticks_per_second(time_base: Fraction) -> int:
    """Return the coarsest rate that counts multiples of `time_base` exactly, or microseconds."""
    return time_base.denominator if time_base.denominator <= MOST_TICKS else 1_000_000


def fit(bgr: UInt8Array, width: int, height: int) -> UInt8Array:
    """Return the picture at even `width` and `height`.

    If it is smaller by a pixel, the edge is repeated; a different size is letterboxed.
    """
    h, w = bgr.shape[:2]
    if (w + w % 2, h + h % 2) != (width, height):
        return letterbox(bgr, width, height)
    if (w, h) != (width, height):
        padded = cv2.copyMakeBorder(bgr, 0, height - h, 0, width - w, cv2.BORDER_REPLICATE)
        return np.asarray(padded, np.uint8)
    return bgr


def letterbox(bgr: UInt8Array, width: int, height: int) -> UInt8Array:
    """Return the picture as large as it fits, centred on black."""
    h, w = bgr.shape[:2]
    scale = min(width / w, height / h)
    w, h = max(1, round(w * scale)), max(1, round(h * scale))
    left, top = (width - w) // 2, (height - h) // 2
    scaled = cv2.resize(bgr, (w, h), interpolation=cv2.INTER_AREA)
    edges = (top, height - h - top, left, width - w - left)
    return np.asarray(cv2.copyMakeBorder(scaled, *edges, cv2.BORDER_CONSTANT), np.uint8)
