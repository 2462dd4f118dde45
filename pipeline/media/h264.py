"""Frames to H.264, each at its exact time."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Literal, cast

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import PictureType
from av.video.stream import VideoStream

from detector.letterbox import Letterbox
from detector.yuv.colour_space import ColourSpace
from detector.yuv.planes import Planes
from pipeline.codecs.encoders import (
    SOFTWARE,
    Encoder,
    even,
    hardware_context,
    set_up_for_files,
)
from pipeline.frames.picture import ColourTags

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
LIMITED, FULL = 1, 2  # ranges, as FFmpeg numbers them
BLACK = (0, 0, 0)


class H264:
    """The video stream of a container.

    size: width and height of the frames; the video's are made even by repeating the edge. A frame
        of another size or pixel aspect is letterboxed into it.
    ticks: per second: the unit of pts and durations
    interval: duration of the last frame, in seconds
    pixel_aspect: width of a pixel by its height when displayed
    space, colours: what the colours of the frames mean; those of another space are converted
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
        space: ColourSpace,
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
        for name, value in colour_tags(space, colours).items():
            setattr(context, name, value)
        self._frames = EncoderFrames(context.width, context.height, pixel_aspect, space)

    def encode(self, planes: Planes, pts: int, pixel_aspect: Fraction) -> list[Packet[VideoStream]]:
        """Encode a frame; return the finished packets, which are of earlier frames."""
        frame = self._frames.frame(planes, pixel_aspect)
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


class EncoderFrames:
    """Makes 4:2:0 frames of one even size, pixel aspect and colour space, for an encoder."""

    def __init__(self, width: int, height: int, pixel_aspect: Fraction, space: ColourSpace) -> None:
        self._width, self._height = width, height
        self._pixel_aspect = pixel_aspect
        self._space = space

    def frame(self, planes: Planes, pixel_aspect: Fraction) -> av.VideoFrame:
        """Return a copy of the planes as a frame; `fit` handles other shapes."""
        aspect = pixel_aspect / self._pixel_aspect
        fitted = fit(planes.converted(self._space), self._width, self._height, aspect)
        frame = av.VideoFrame(self._width, self._height, "yuv420p")
        for plane, values in zip(frame.planes, fitted.all, strict=True):
            rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
            rows[:, : plane.width] = values
        return frame


def colour_tags(space: ColourSpace, colours: ColourTags) -> dict[str, int]:
    """Return what an encoder's context says about its colours, by attribute."""
    return {
        "colorspace": space.matrix,
        "color_range": FULL if space.full else LIMITED,
        "color_primaries": colours.primaries,
        "color_trc": colours.transfer,
    }


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
    context.time_base = stream.time_base = time_base
    return stream


def ticks_per_second(time_base: Fraction) -> int:
    """Return the lowest rate in which multiples of `time_base` are whole, else microseconds."""
    return time_base.denominator if time_base.denominator <= MAX_TICKS else 1_000_000


def fit(planes: Planes, width: int, height: int, pixel_aspect: Fraction = Fraction(1)) -> Planes:
    """Return the picture at even `width` and `height`.

    If it is smaller by a pixel, the edge is repeated; any other shape is letterboxed.

    pixel_aspect: width of the frame's pixels in pixels of the result
    """
    h, w = planes.size
    if (w + w % 2, h + h % 2) != (width, height) or pixel_aspect != 1:
        return letterbox(planes, width, height, pixel_aspect)
    if (w, h) == (width, height):
        return planes
    edges = (0, height - h, 0, width - w)
    luma = np.asarray(cv2.copyMakeBorder(planes.luma, *edges, cv2.BORDER_REPLICATE), np.uint8)
    return replace(planes, luma=luma)  # the chroma is that of an even size already


def letterbox(planes: Planes, width: int, height: int, pixel_aspect: Fraction) -> Planes:
    """Return the picture scaled to fit, centred on black; pixel_aspect: see `fit`."""
    h, w = planes.size
    placed = Letterbox.fit((h, max(1, round(w * pixel_aspect))), (height, width))
    rows, columns = (max(1, side // 2) for side in placed.resized)  # of chroma
    top, left = (height // 2 - rows) // 2, (width // 2 - columns) // 2
    fitted = []
    for plane, tone, by in zip(planes.all, planes.space.yuv(BLACK), (2, 1, 1), strict=True):
        made = np.full((height // 2 * by, width // 2 * by), tone, np.uint8)
        inside = made[top * by : (top + rows) * by, left * by : (left + columns) * by]
        cv2.resize(plane, (columns * by, rows * by), inside, interpolation=cv2.INTER_AREA)
        fitted.append(made)
    return Planes(planes.space, *fitted)
