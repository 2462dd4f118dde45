"""The encoders of H.264 that a machine may have, with their settings for live video and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal, Protocol, cast

import av
from av.codec.hwaccel import HWAccel
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.gstreamer.encoder import GStreamerEncoder

EncoderName = Literal[
    "auto",
    "software",
    "nvenc",
    "qsv",
    "vaapi",
    "v4l2m2m",
    "gstreamer",
    # names of before
    "h264_nvenc",
    "h264_qsv",
    "h264_v4l2m2m",
    "libx264",
]
FILE_BITS_PER_PIXEL = 0.2  # at 25 frames per second, of encoders that take a bit rate only
GSTREAMER = "gstreamer"
Settings = Mapping[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Encoder:
    """One of FFmpeg's encoders, or GStreamer.

    codec: FFmpeg's name, GSTREAMER for the other
    device: the hardware, as decoders name it; None: software, or not known to FFmpeg
    needs_context: whether FFmpeg is given that device, because frames have to be copied to it
    pixels: format of the frames that it takes
    live: settings for frames that leave at once; file: for files
    quality: setting of files that takes a number as x264's crf; None: a bit rate is given
    """

    codec: str
    device: str | None = None
    pixels: str = "yuv420p"
    needs_context: bool = False
    live: Settings = field(default_factory=dict)
    file: Settings = field(default_factory=dict)
    quality: str | None = None


SOFTWARE = Encoder(
    "libx264",
    live={
        "preset": "superfast",
        "tune": "zerolatency",
        "forced-idr": "1",
        "sc_threshold": "0",
    },
    quality="crf",
)
H264: Mapping[str, Encoder] = {  # in the order of preference; GStreamer: see `automatic`
    "nvenc": Encoder(
        "h264_nvenc",
        "cuda",
        live={
            "preset": "p2",
            "tune": "ull",
            "rc": "cbr",
            "zerolatency": "1",
            "delay": "0",
            "forced-idr": "1",
        },
        file={"preset": "p4", "rc": "vbr", "forced-idr": "1"},
        quality="cq",
    ),
    "v4l2m2m": Encoder("h264_v4l2m2m"),
    "qsv": Encoder(
        "h264_qsv",
        "qsv",
        pixels="nv12",
        live={"preset": "veryfast", "async_depth": "1", "forced_idr": "1"},
        file={"preset": "medium", "forced_idr": "1"},
        quality="global_quality",
    ),
    "vaapi": Encoder(
        "h264_vaapi",
        "vaapi",
        pixels="nv12",
        needs_context=True,
        live={"rc_mode": "CBR", "async_depth": "1"},
        file={"rc_mode": "CQP"},
        quality="qp",
    ),
    "software": SOFTWARE,
    GSTREAMER: Encoder(GSTREAMER),  # for live video
}


class OpenEncoder(Protocol):
    """The part of FFmpeg's encoders that we use.

    extradata: the headers of a file, if they are known before the first frame
    """

    @property
    def extradata(self) -> bytes | None: ...

    def encode(self, frame: VideoFrame | None) -> Sequence[Packet[VideoStream]]: ...


def automatic(*, jetson: bool) -> list[str]:
    """Return the names of the encoders that `auto` tries, in that order.

    GStreamer is the way to the hardware of a Jetson, and slower than FFmpeg elsewhere.
    """
    others = [name for name in H264 if name != GSTREAMER]
    return [GSTREAMER, *others] if jetson else others


def encoder_named(name: str) -> str:
    """Return the present name of an encoder: software for libx264, nvenc for h264_nvenc."""
    return "software" if name == "libx264" else name.removeprefix("h264_")


def even(size: tuple[int, int]) -> tuple[int, int]:
    """Return a size (width, height) made even."""
    return size[0] + size[0] % 2, size[1] + size[1] % 2


def hardware_context(encoder: Encoder) -> dict[str, Any]:
    """Return the argument that gives an encoder of FFmpeg its device, if it needs one."""
    return {"hwaccel": HWAccel(encoder.device)} if encoder.needs_context and encoder.device else {}


def open_live(
    encoder: Encoder,
    size: tuple[int, int],
    *,
    time_base: Fraction,
    rate: Fraction,
    gop: int,
    bit_rate: int,
    buffer_bits: int,
    **tags: Any,
) -> OpenEncoder:
    """Return an encoder for live video: no frame waits for a later one.

    size: width and height, even
    gop: frames between two keyframes at most; buffer_bits: of rate control
    tags: further attributes of the context, such as colours
    Raises av.FFmpegError or ValueError if it cannot be opened.
    """
    if encoder.codec == GSTREAMER:
        return GStreamerEncoder(
            size,
            time_base=time_base,
            rate=rate,
            gop=gop,
            bit_rate=bit_rate,
            buffer_bits=buffer_bits,
            pixel_aspect=tags.get("sample_aspect_ratio", Fraction(1)),
        )
    context = cast(
        VideoCodecContext, av.CodecContext.create(encoder.codec, "w", **hardware_context(encoder))
    )
    context.width, context.height = size
    context.pix_fmt = encoder.pixels
    context.time_base, context.framerate = time_base, rate
    context.gop_size, context.max_b_frames = gop, 0
    context.bit_rate = bit_rate
    context.thread_count = 1  # more would cut each frame into slices of lower quality
    for name, value in tags.items():
        setattr(context, name, value)
    limits = {"maxrate": str(bit_rate), "bufsize": str(buffer_bits)}
    context.options = dict(encoder.live) | limits
    context.open()
    return context


def set_up_for_files(encoder: Encoder, context: VideoCodecContext, *, crf: int) -> None:
    """Set what an encoder of a file needs beside its size; before it is opened.

    crf: quality, as x264 counts it
    """
    quality = {encoder.quality: str(crf)} if encoder.quality else {}
    if not quality:
        context.bit_rate = round(FILE_BITS_PER_PIXEL * context.width * context.height * 25)
    context.options = dict(encoder.file) | quality
