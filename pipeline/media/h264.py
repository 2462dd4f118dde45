"""Frames to H.264, each at its exact time."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal, cast

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import PictureType
from av.video.stream import VideoStream

from detector.detections import UInt8Array
from detector.letterbox import Letterbox
from pipeline.codecs.encoders import (
    SOFTWARE,
    Encoder,
    even,
    hardware_context,
    set_up_for_files,
)
from pipeline.frame import ColourTags

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

GOP_SECONDS = 2  # the loss if the process is killed; shorter groups need more bits
MAX_TICKS = 2**31 - 1  # per second: time bases and time scales are 32 bit integers
BT601 = 6  # SMPTE 170M: the matrix of cv2's conversion
LIMITED = 1  # 16 to 235: the range of cv2's conversion


class H264:
    """The video stream of a container.

    size: width and height of the frames; the video's are made even by repeating the edge. A frame
        of another size or pixel aspect is letterboxed into it.
    ticks: per second: the unit of pts and durations
    interval: duration of the last frame, in seconds
    pixel_aspect: width of a pixel by its height when displayed
    colours: what the colours of the frames mean
    encoder: of this machine; preset, threads: of x264; crf: quality, as x264 counts it
    """

    def __init__(
        self,
        output: OutputContainer,
        size: tuple[int, int],
        *,
        ticks: int,
        interval: Fraction,
        pixel_aspect: Fraction,
        colours: ColourTags,
        preset: Preset,
        crf: int,
        threads: int,
        encoder: Encoder = SOFTWARE,
    ) -> None:
        self._time_base = Fraction(1, ticks)
        self._duration = max(1, round(interval * ticks))
        self._next_keyframe: int | None = None  # pts
        self._gop = GOP_SECONDS * ticks
        self._pixels = encoder.pixels
        self._stream = _stream(output, encoder, size, self._time_base, interval)
        context = self._stream.codec_context
        set_up_for_files(encoder, context, crf=crf)
        if encoder is SOFTWARE:
            context.options = context.options | {"preset": preset}
            context.thread_count = threads
        context.sample_aspect_ratio = pixel_aspect
        context.color_primaries, context.color_trc = colours.primaries, colours.transfer
        self._planar = Planar(context.width, context.height, pixel_aspect)

    def encode(
        self, bgr: UInt8Array, pts: int, pixel_aspect: Fraction
    ) -> list[Packet[VideoStream]]:
        """Encode an (h, w, 3) frame; return the finished packets, which are of earlier frames."""
        frame = self._planar.frame(bgr, pixel_aspect)
        if self._pixels != frame.format.name:
            frame = frame.reformat(format=self._pixels)
        frame.pts, frame.time_base, frame.duration = pts, self._time_base, self._duration
        if self._next_keyframe is None or pts >= self._next_keyframe:
            frame.pict_type = PictureType.I
            self._next_keyframe = pts + self._gop
        return self._stream.encode(frame)

    def flush(self) -> list[Packet[VideoStream]]:
        """Return the packets that are still in the encoder."""
        return self._stream.encode(None)


class Planar:
    """Converts BGR to 4:2:0 frames of one even size and pixel aspect, for an encoder."""

    def __init__(self, width: int, height: int, pixel_aspect: Fraction) -> None:
        self._width, self._height = width, height
        self._pixel_aspect = pixel_aspect
        self._planar = np.empty((height * 3 // 2, width), np.uint8)

    def frame(self, bgr: UInt8Array, pixel_aspect: Fraction) -> av.VideoFrame:
        """Convert with OpenCV, in a third of swscale's time; `fit` handles other shapes.

        It takes the chroma of one pixel in four, which loses nothing if the video was 4:2:0 before.
        """
        width, height, planar = self._width, self._height, self._planar
        fitted = fit(bgr, width, height, pixel_aspect / self._pixel_aspect)
        cv2.cvtColor(fitted, cv2.COLOR_BGR2YUV_I420, dst=planar)
        frame = av.VideoFrame(width, height, "yuv420p")
        luma = planar[:height].ravel()
        chroma = np.split(planar[height:].ravel(), 2)
        for plane, values in zip(frame.planes, (luma, *chroma), strict=True):
            rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
            rows[:, : plane.width] = values.reshape(plane.height, plane.width)
        return frame


def _stream(
    output: OutputContainer,
    encoder: Encoder,
    size: tuple[int, int],
    time_base: Fraction,
    interval: Fraction,
) -> VideoStream:
    rate = (1 / interval).limit_denominator(
        100_000
    )  # for the level only; frames have their own times
    stream = cast(
        VideoStream, output.add_stream(encoder.codec, rate=rate, **hardware_context(encoder))
    )
    context = stream.codec_context
    context.width, context.height = even(size)
    context.pix_fmt = encoder.pixels
    context.colorspace, context.color_range = BT601, LIMITED
    context.time_base = stream.time_base = time_base
    return stream


def ticks_per_second(time_base: Fraction) -> int:
    """Return the lowest rate in which multiples of `time_base` are whole, else microseconds."""
    return time_base.denominator if time_base.denominator <= MAX_TICKS else 1_000_000


def fit(
    bgr: UInt8Array, width: int, height: int, pixel_aspect: Fraction = Fraction(1)
) -> UInt8Array:
    """Return the frame at even `width` and `height`.

    If it is smaller by a pixel, the edge is repeated; any other shape is letterboxed.

    pixel_aspect: width of the frame's pixels in pixels of the result
    """
    h, w = bgr.shape[:2]
    if (w + w % 2, h + h % 2) != (width, height) or pixel_aspect != 1:
        return letterbox(bgr, width, height, pixel_aspect)
    if (w, h) != (width, height):
        padded = cv2.copyMakeBorder(bgr, 0, height - h, 0, width - w, cv2.BORDER_REPLICATE)
        return np.asarray(padded, np.uint8)
    return bgr


def letterbox(bgr: UInt8Array, width: int, height: int, pixel_aspect: Fraction) -> UInt8Array:
    """Return the frame scaled to fit, centred on black; pixel_aspect: see `fit`."""
    h, w = bgr.shape[:2]
    placed = Letterbox.fit((h, max(1, round(w * pixel_aspect))), (height, width))
    (h, w), (top, left) = placed.resized, placed.corner
    scaled = cv2.resize(bgr, (w, h), interpolation=cv2.INTER_AREA)
    edges = (top, height - h - top, left, width - w - left)
    return np.asarray(cv2.copyMakeBorder(scaled, *edges, cv2.BORDER_CONSTANT), np.uint8)
