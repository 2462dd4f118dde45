"""Decoders other than FFmpeg's software: which there are, what each needs, and opening one."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, Protocol, cast

import av
from av.codec.hwaccel import HWAccel, hwdevices_available
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from detector.engines.auto import NO_GPU
from detector.hardware.cuda_driver import find_gpus
from pipeline.codecs import device_frames
from pipeline.codecs.packet_note import VideoPacket
from pipeline.gstreamer.child_process import ProcessLost
from pipeline.gstreamer.decoder import GStreamerDecoder
from pipeline.gstreamer.elements import is_for_jetson
from pipeline.gstreamer.elements import obstacle as gstreamer_obstacle
from pipeline.memory_limits import MAX_PIXELS

GSTREAMER = "gstreamer"
_log = logging.getLogger("framelane")

NO_DEVICE = "there is no graphics device (/dev/dri/renderD*)"
_OPTIONS = {"cuda": {"primary_ctx": "1"}}  # the context that the engine uses, too
_OWN_CODECS = {"qsv": "_qsv"}  # endings of decoders that FFmpeg has beside its own ones


class Unavailable(Exception):
    """A decoder cannot be opened; the text says why."""


class Decoder(Protocol):
    """The part of FFmpeg's decoders that we use."""

    skip_frame: Any

    @property
    def sample_aspect_ratio(self) -> Fraction | None: ...

    def decode(self, packet: VideoPacket | None) -> list[VideoFrame]: ...


class Hardware(Protocol):
    """What decodes other than FFmpeg's software.

    names: of the decoders, in the order in which `auto` tries them
    """

    names: Sequence[str]

    def obstacle(self, name: str) -> str | None:
        """Return why a decoder cannot be used on this machine, None if it can; soon."""

    def open(
        self,
        name: str,
        like: VideoCodecContext,
        options: Mapping[str, str],
        gpu: int | None = None,
    ) -> Decoder:
        """Return a decoder for the stream that `like` decodes in software; options: of FFmpeg.

        gpu: the GPU in whose memory frames stay, if this decoder can leave them there; None: all
            lie in the CPU's memory
        Raises Unavailable.
        """

    def gpu_of(self, frame: VideoFrame) -> int | None:
        """Return the number of the GPU in whose memory a frame lies, None if on the host."""

    def on_host(self, frame: VideoFrame) -> VideoFrame:
        """Return a frame in the CPU's memory, copied there if need be. Raises av.FFmpegError."""


class FFmpegHardware:
    """The hardware contexts of this build of FFmpeg; see Hardware."""

    names: Sequence[str] = ("cuda", "vaapi", "qsv")

    def obstacle(self, name: str) -> str | None:
        """Return why the hardware cannot be used; a device is opened to know, once."""
        return _obstacle(name)

    def open(
        self,
        name: str,
        like: VideoCodecContext,
        options: Mapping[str, str],
        gpu: int | None = None,
    ) -> Decoder:
        """Return a decoder with a hardware context, which decodes or fails: it never falls back."""
        codec = f"{like.codec.canonical_name}{_OWN_CODECS.get(name, '')}"
        stays = name == "cuda" and device_frames.CAN_STAY
        decoder = _opened(name, codec, gpu if stays else None)
        decoder.extradata = like.extradata
        decoder.thread_count = 1
        decoder.flags, decoder.flags2 = like.flags, like.flags2
        decoder.options = dict(options)
        return cast(Decoder, decoder)

    def gpu_of(self, frame: VideoFrame) -> int | None:
        """Return where a frame lies."""
        return device_frames.gpu_of(frame)

    def on_host(self, frame: VideoFrame) -> VideoFrame:
        """Return a frame in the CPU's memory."""
        return device_frames.on_host(frame)


class MachineHardware:
    """FFmpeg's hardware contexts, and GStreamer; see Hardware.

    `auto` tries GStreamer only where the machine's hardware cannot be had without it.

    jetson: whether that is so
    """

    def __init__(self, *, jetson: bool | None = None) -> None:
        self._ffmpeg = FFmpegHardware()
        is_first = is_for_jetson() if jetson is None else jetson
        self.names: Sequence[str] = (*((GSTREAMER,) if is_first else ()), *self._ffmpeg.names)

    def obstacle(self, name: str) -> str | None:
        """Return why a decoder cannot be used; tried once."""
        return gstreamer_obstacle() if name == GSTREAMER else self._ffmpeg.obstacle(name)

    def open(
        self,
        name: str,
        like: VideoCodecContext,
        options: Mapping[str, str],
        gpu: int | None = None,
    ) -> Decoder:
        """Return a decoder of FFmpeg's with a hardware context, or GStreamer in a child process."""
        if name != GSTREAMER:
            return self._ffmpeg.open(name, like, options, gpu)
        try:
            return GStreamerDecoder(like, int(options.get("max_pixels", MAX_PIXELS)))
        except ProcessLost as error:
            raise Unavailable(str(error)) from error

    def gpu_of(self, frame: VideoFrame) -> int | None:
        """Return where a frame lies; only FFmpeg leaves frames on a GPU."""
        return self._ffmpeg.gpu_of(frame)

    def on_host(self, frame: VideoFrame) -> VideoFrame:
        """Return a frame in the CPU's memory."""
        return self._ffmpeg.on_host(frame)


HARDWARE = MachineHardware()


@cache
def _obstacle(name: str) -> str | None:
    if name not in FFmpegHardware.names:
        return "it does not read this kind of source"
    if name not in hwdevices_available():
        return f"this build of FFmpeg has no {name}"
    if missing := _no_gpu() if name == "cuda" else _no_render_node():
        return missing
    try:
        _opened(name, f"h264{_OWN_CODECS.get(name, '')}")
    except Unavailable as error:  # the hardware is there: that should be known
        _log.warning("video is not decoded by %s: %s", name, error)
        return str(error)
    return None


def _opened(name: str, codec: str, gpu: int | None = None) -> VideoCodecContext:
    hardware = HWAccel(
        name,
        device=None if gpu is None else str(gpu),
        allow_software_fallback=False,
        options=dict(_OPTIONS.get(name, {})),
        is_hw_owned=gpu is not None,
    )
    try:
        decoder = av.CodecContext.create(codec, "r", hwaccel=hardware)
    except av.FFmpegError as error:
        raise Unavailable(f"its device cannot be opened ({error.strerror})") from error
    except ValueError as error:  # no such codec
        raise Unavailable(f"it does not decode {codec}") from error
    if not decoder.is_hwaccel:
        known = any(each.device_type.name == name for each in decoder.codec.hardware_configs)
        missing = "its device cannot be opened" if known else f"it does not decode {codec}"
        raise Unavailable(missing)
    return cast(VideoCodecContext, decoder)


def _no_gpu() -> str | None:
    return None if find_gpus() else NO_GPU


def _no_render_node(folder: Path = Path("/dev/dri")) -> str | None:
    nodes = sorted(folder.glob("renderD*"))
    if not nodes:
        return NO_DEVICE
    if not any(os.access(node, os.R_OK | os.W_OK) for node in nodes):
        return f"{nodes[0]} may not be opened: add the user to the group `render`"
    return None
