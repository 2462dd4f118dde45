"""What decodes and encodes here: not what is listed, but what does it, tried with a short video."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Literal, cast

import av
import numpy as np
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame

from pipeline.codecs.contexts import HARDWARE, Hardware, Unavailable
from pipeline.codecs.encoders import (
    GSTREAMER,
    H264,
    Encoder,
    OpenEncoder,
    hardware_context,
    open_live,
    set_up_for_files,
)
from pipeline.codecs.packet_note import VideoPacket
from pipeline.codecs.proof import difference
from pipeline.codecs.sample import (
    BT601,
    FULL,
    HERTZ,
    KEYFRAME,
    LIMITED,
    SIZE,
    TIMES,
    decoded,
    decoder_of,
    sample_frames,
)
from pipeline.gstreamer import elements

Use = Literal["live", "file"]
MAX_LOSS = 12.0  # grey levels on average that an encoder may lose of a sample
MAX_DELAY = 1  # frames that an encoder of live video may hold back
NO_V4L2 = "there is no V4L2 device (/dev/video*)"
_FAILURES = (av.FFmpegError, ValueError, NotImplementedError, RuntimeError, TypeError)
CODECS: Mapping[str, Mapping[str, Encoder]] = {  # codec -> its encoders
    "h264": H264,
    "hevc": {
        "nvenc": Encoder("hevc_nvenc", "cuda"),
        "qsv": Encoder("hevc_qsv", "qsv", pixels="nv12"),
        "vaapi": Encoder("hevc_vaapi", "vaapi", pixels="nv12", needs_context=True),
        "software": Encoder("libx265", file={"x265-params": "log-level=none"}),
    },
    "av1": {
        "nvenc": Encoder("av1_nvenc", "cuda"),
        "qsv": Encoder("av1_qsv", "qsv", pixels="nv12"),
        "vaapi": Encoder("av1_vaapi", "vaapi", pixels="nv12", needs_context=True),
        "software": Encoder("libsvtav1", file={"preset": "8"}),
    },
    "vp9": {"software": Encoder("libvpx-vp9", file={"deadline": "realtime", "cpu-used": "8"})},
    "mjpeg": {"software": Encoder("mjpeg", pixels="yuvj420p")},
}


@dataclass(frozen=True, slots=True)
class Tried:
    """What was tried for one codec: name -> why it does not work, None: it does."""

    decoders: dict[str, str | None]
    encoders: dict[str, str | None]


def try_codec(codec: str, hardware: Hardware = HARDWARE) -> Tried:
    """Return what decodes and encodes a codec here; takes a second or two for each codec."""
    encoders = {name: encoding_obstacle(each) for name, each in CODECS[codec].items()}
    decoders: dict[str, str | None] = {}
    try:
        packets = _encoded(CODECS[codec]["software"]).packets
        reference = decoded(decoder_of(codec), packets)
    except _FAILURES as error:
        why = f"there is no sample to try it with: {_words(error)}"
        return Tried(dict.fromkeys(("software", *hardware.names), why), encoders)
    decoders["software"] = None if len(reference) == len(TIMES) else "frames are missing"
    for name in hardware.names:
        decoders[name] = _decoding_obstacle(name, codec, packets, reference, hardware)
    return Tried(decoders, encoders)


@cache
def encoding_obstacle(encoder: Encoder, use: Use | None = None) -> str | None:
    """Return why an encoder does not do here what a use needs, None if it does.

    use: live: times are kept, keyframes come where they are asked for, and no frame waits; file:
        as well, and the header is known before the first frame, so that a killed run leaves a
        file that plays. None: any use; it encodes.
    """
    if missing := _missing(encoder):
        return missing
    try:
        sample = _encoded(encoder, use)
        frames = decoded(decoder_of(_codec_of(encoder), sample.header), sample.packets)
    except _FAILURES as error:
        return _words(error)
    if use and (broken := _broken_promise(sample, use)):
        return broken
    if len(frames) != len(TIMES):
        return f"{len(frames)} of {len(TIMES)} frames can be decoded"
    return _loss(frames)


@dataclass(frozen=True, slots=True)
class _Sample:
    """The sample, encoded; delay: frames that were held back; header: of a file, if any."""

    packets: list[VideoPacket]
    delay: int
    header: bytes | None


def _missing(encoder: Encoder) -> str | None:
    if encoder.codec == GSTREAMER:
        return elements.encoding_obstacle()
    if encoder.device:
        return HARDWARE.obstacle(encoder.device)
    v4l2 = encoder.codec.endswith("_v4l2m2m")
    return NO_V4L2 if v4l2 and not list(Path("/dev").glob("video*")) else None


def _broken_promise(sample: _Sample, use: Use) -> str | None:
    """Return what an encoder does not keep to of what a use needs."""
    if sorted(packet.pts or 0 for packet in sample.packets) != list(TIMES):
        return "it does not keep the times of frames"
    keyframes = {packet.pts for packet in sample.packets if packet.is_keyframe}
    if not {0, TIMES[KEYFRAME]} <= keyframes:
        return "it does not make a keyframe where one is asked for"
    if use == "live" and sample.delay > MAX_DELAY:
        return f"it holds {sample.delay} frames back"
    if use == "file" and not sample.header:
        return "it gives no header before the first frame, so a killed run would leave no video"
    return None


def opening_obstacle(encoder: Encoder, use: Use, size: tuple[int, int]) -> str | None:
    """Return why an encoder cannot be opened for frames of a size (width, height) now."""
    try:
        _opened(encoder, use, size)
    except _FAILURES as error:
        return _words(error)
    return None


def _codec_of(encoder: Encoder) -> str:
    named = (codec for codec, all_ in CODECS.items() if encoder.codec in _names(all_))
    return next(named)


def _names(encoders: Mapping[str, Encoder]) -> set[str]:
    return {each.codec for each in encoders.values()}


def _encoded(encoder: Encoder, use: Use | None = None) -> _Sample:
    """Return the sample as an encoder encodes it."""
    context = _opened(encoder, use, SIZE)
    packets: list[VideoPacket] = []
    delay = 0
    for number, frame in enumerate(sample_frames(encoder.pixels), start=1):
        if number - 1 == KEYFRAME:
            frame.pict_type = PictureType.I
        packets += context.encode(frame)
        delay = max(delay, number - len(packets))
    return _Sample([*packets, *context.encode(None)], delay, context.extradata or None)


def _opened(encoder: Encoder, use: Use | None, size: tuple[int, int]) -> OpenEncoder:
    time_base, rate = Fraction(1, HERTZ), Fraction(50)
    if use == "live" or encoder.codec == GSTREAMER:
        return open_live(
            encoder,
            size,
            time_base=time_base,
            rate=rate,
            gop=100,
            bit_rate=2_000_000,
            buffer_bits=1_000_000,
            colorspace=BT601,
            color_range=LIMITED,
        )
    context = cast(
        VideoCodecContext, av.CodecContext.create(encoder.codec, "w", **hardware_context(encoder))
    )
    context.width, context.height = size
    context.pix_fmt, context.time_base, context.framerate = encoder.pixels, time_base, rate
    context.colorspace = BT601
    context.color_range = FULL if encoder.pixels == "yuvj420p" else LIMITED
    if use == "file":
        context.flags |= Flags.global_header
    set_up_for_files(encoder, context, crf=23)
    context.open()
    return context


def _decoding_obstacle(
    name: str,
    codec: str,
    packets: list[VideoPacket],
    reference: list[VideoFrame],
    hardware: Hardware,
) -> str | None:
    if obstacle := hardware.obstacle(name):
        return obstacle
    try:
        decoder = hardware.open(name, decoder_of(codec), {})
        frames = decoded(cast(VideoCodecContext, decoder), packets)
    except Unavailable as error:
        return str(error)
    except _FAILURES as error:
        return _words(error)
    if len(frames) != len(reference):
        return f"{len(frames)} of {len(reference)} frames were decoded"
    return difference(frames[0], reference[0])


def _loss(frames: list[VideoFrame]) -> str | None:
    """Return how a decoded sample differs from the sample by more than an encoder loses."""
    for shown, sent in zip(frames, sample_frames(), strict=True):
        first, second = (each.reformat(format="yuv420p").to_ndarray() for each in (shown, sent))
        levels = np.abs(np.subtract(first, second, dtype=np.int16)).mean()
        if levels > MAX_LOSS:
            return f"its frames are {levels:.0f} levels off on average"
    return None


def _words(error: Exception) -> str:
    """Return an error in words for users."""
    if isinstance(error, av.FFmpegError):
        return str(error.strerror)
    if isinstance(error, (ValueError, TypeError)):
        return "this build of FFmpeg does not have it"
    return str(error)
