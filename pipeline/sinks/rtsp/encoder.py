"""Frames to H.264 without delay, by the best encoder of this machine."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from threading import Lock
from types import MappingProxyType
from typing import Literal

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from detector.detections import UInt8Array
from pipeline.frame import SQUARE, UNTAGGED, ColourTags
from pipeline.media.h264 import BT601, LIMITED, Planar
from pipeline.sinks import SinkError

log = logging.getLogger("framelane")

HERTZ = 90_000  # ticks per second of H.264 in RTP
BITS_PER_PIXEL = 0.1  # at 25 frames per second; street scenes need no more
MIN_BIT_RATE = 200_000
BUFFER_SECONDS = 0.5  # of the bit rate: rate control buffer, which delays the receiver
TRIAL = (320, 240)  # pixels: hardware encoders refuse smaller frames

EncoderName = Literal["auto", "h264_nvenc", "h264_v4l2m2m", "h264_qsv", "libx264"]
OPTIONS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {  # in the order of preference
        "h264_nvenc": {
            "preset": "p2",
            "tune": "ull",
            "rc": "cbr",
            "zerolatency": "1",
            "delay": "0",
            "forced-idr": "1",
        },
        "h264_v4l2m2m": {},
        "h264_qsv": {"preset": "veryfast", "async_depth": "1", "forced_idr": "1"},
        "libx264": {
            "preset": "superfast",
            "tune": "zerolatency",
            "forced-idr": "1",
            "sc_threshold": "0",
        },
    }
)
PIXELS = {"h264_qsv": "nv12"}  # all others take yuv420p


@dataclass(frozen=True, slots=True)
class Unit:
    """An access unit: one encoded frame, in Annex B.

    pts: of the frame
    """

    data: bytes
    keyframe: bool
    pts: int


class LiveEncoder:
    """Encodes one stream as H.264 in which every frame can be shown as soon as it arrives.

    size, pixel_aspect: of the frames, the size made even; other shapes are letterboxed into it
    colours: what the colours of the frames mean
    interval: seconds between two frames; gop_seconds: between two keyframes
    bit_rate: per second, None for one by size and rate
    Raises SinkError if this machine lacks the encoder.
    """

    def __init__(
        self,
        name: EncoderName,
        size: tuple[int, int],
        *,
        pixel_aspect: Fraction,
        colours: ColourTags,
        interval: Fraction,
        gop_seconds: float,
        bit_rate: int | None,
    ) -> None:
        self.name = best_encoder() if name == "auto" else name
        width, height = (side + side % 2 for side in size)
        rate = (1 / interval).limit_denominator(1000)
        bit_rate = bit_rate or max(MIN_BIT_RATE, round(BITS_PER_PIXEL * width * height * 25))
        gop = max(1, ceil(gop_seconds * rate))
        self._planar = Planar(width, height, pixel_aspect)
        try:
            self._context = _opened(
                self.name, (width, height), pixel_aspect, colours, rate, gop, bit_rate
            )
        except (av.FFmpegError, ValueError) as error:
            raise SinkError(f"the encoder {self.name} cannot be opened: {error}") from error

    def encode(
        self, bgr: UInt8Array, pts: int, pixel_aspect: Fraction, *, keyframe: bool
    ) -> list[Unit]:
        """Encode an (h, w, 3) frame; return the finished units, usually the frame's own.

        pts: in 1/90000 s, increasing
        """
        frame = self._planar.frame(bgr, pixel_aspect)
        if pixels := PIXELS.get(self.name):
            frame = frame.reformat(format=pixels)
        frame.pts, frame.time_base = pts, Fraction(1, HERTZ)
        if keyframe:
            frame.pict_type = PictureType.I
        return _units(self._context, frame)

    def flush(self) -> list[Unit]:
        """Return the units that are still in the encoder."""
        return _units(self._context, None)


class EncoderChoice:
    """The first encoder in the order of preference that works here; the trial is made once."""

    def __init__(self) -> None:
        self._name: str | None = None
        self._lock = Lock()  # streams that start together must not all try

    def __call__(self) -> str:
        """Return its name; raises SinkError if there is none."""
        with self._lock:
            if self._name is None:
                self._name = _first_that_works()
            return self._name


best_encoder = EncoderChoice()  # of this process


def _first_that_works() -> str:
    bgr = np.zeros((TRIAL[1], TRIAL[0], 3), np.uint8)
    for name in OPTIONS:
        try:
            context = _opened(name, TRIAL, SQUARE, UNTAGGED, Fraction(25), 25, MIN_BIT_RATE)
            frame = Planar(*TRIAL, SQUARE).frame(bgr, SQUARE)
            frame = frame.reformat(format=PIXELS.get(name, "yuv420p"))
            frame.pts, frame.time_base = 0, Fraction(1, HERTZ)
            if _units(context, frame) + _units(context, None):
                log.info("live video is encoded by %s", name)
                return name
        except (
            av.FFmpegError,
            ValueError,
        ):  # not in this build of FFmpeg, or the hardware is missing
            continue
    raise SinkError(f"no encoder for live video works here; tried {', '.join(OPTIONS)}")


def _opened(
    name: str,
    size: tuple[int, int],
    pixel_aspect: Fraction,
    colours: ColourTags,
    rate: Fraction,
    gop: int,
    bit_rate: int,
) -> VideoCodecContext:
    context = av.CodecContext.create(name, "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height = size
    context.sample_aspect_ratio = pixel_aspect
    context.color_primaries, context.color_trc = colours.primaries, colours.transfer
    context.pix_fmt = PIXELS.get(name, "yuv420p")
    context.colorspace, context.color_range = BT601, LIMITED
    context.time_base, context.framerate = Fraction(1, HERTZ), rate
    context.gop_size, context.max_b_frames = gop, 0
    context.bit_rate = bit_rate
    context.thread_count = 1  # more would cut each frame into slices of lower quality
    limits = {"maxrate": str(bit_rate), "bufsize": str(round(bit_rate * BUFFER_SECONDS))}
    context.options = dict(OPTIONS[name]) | limits
    context.open()
    return context


def _units(context: VideoCodecContext, frame: av.VideoFrame | None) -> list[Unit]:
    return [
        Unit(bytes(packet), packet.is_keyframe, packet.pts or 0) for packet in context.encode(frame)
    ]
