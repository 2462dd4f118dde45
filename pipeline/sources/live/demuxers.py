"""Kinds of live streams, and how FFmpeg opens each of them without delay."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any, Literal

import av
from av.container import InputContainer

from pipeline.codecs.choice import DecoderChoice
from pipeline.memory_limits import MAX_PIXELS
from pipeline.sources.live.hls_files import HlsFiles
from pipeline.sources.live.hls_playlist import Variant
from pipeline.sources.live.pipe import PipeReader
from pipeline.sources.pixel_limit import PixelLimit

Transport = Literal["tcp", "udp"]
Kind = Literal["camera", "hls", "mjpeg", "pipe", "rtsp", "rtsps"]

_BY_SCHEME: dict[str, Kind] = {
    "camera": "camera",
    "hls": "hls",
    "mjpeg": "mjpeg",
    "pipe": "pipe",
    "rtsp": "rtsp",
    "rtsps": "rtsps",
}
_BY_ENDING: dict[str, Kind] = {".m3u8": "hls", ".mjpeg": "mjpeg", ".mjpg": "mjpeg"}  # of http(s)
# An RTSP session describes its streams: probing would only delay the first frames.
_NO_PROBING = {"probesize": "32", "fpsprobesize": "0"}
# A container's header comes soon; its frame rate is not worth waiting for.
_SHORT_PROBING = {"analyzeduration": "1000000", "fpsprobesize": "0"}
DEFAULT_LIMIT = PixelLimit(MAX_PIXELS)
_NO_KEEPING = {"http_persistent": "0"}  # connections, which FFmpeg does not make


@dataclass(frozen=True)
class Address:
    """How one live stream is opened.

    url: with credentials, as FFmpeg takes it; format: the demuxer, None to let FFmpeg probe
    kind: of live stream; options: of the demuxer
    variant, max_height: of HLS, see Live
    limit: of a frame's pixels
    audio: whether audio is demuxed, too
    decoder: what decodes its video
    """

    url: str = field(repr=False)
    format: str | None = None
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    kind: Kind = "rtsp"
    variant: Variant = "best"
    max_height: int | None = None
    limit: PixelLimit = DEFAULT_LIMIT
    audio: bool = False
    decoder: DecoderChoice = field(default_factory=lambda: DecoderChoice("software", "video"))


def live_kind(url: str) -> Kind | None:
    """Return the kind of live stream at `url`, None if it is not a live stream."""
    scheme = url.partition(":")[0]
    if scheme in _BY_SCHEME:
        return _BY_SCHEME[scheme]
    if "://" in url:
        ending = Path(url.partition("?")[0]).suffix.lower()
        return _BY_ENDING.get(ending) if scheme in {"http", "https"} else None
    path = Path(url)
    if path.is_fifo():
        return "pipe"
    return "camera" if path.is_char_device() else None


def address(
    kind: Kind,
    url: str,
    transport: Transport,
    timeout: float,
    extra: Mapping[str, str],
    variant: Variant = "best",
    max_height: int | None = None,
    limit: PixelLimit = DEFAULT_LIMIT,
    audio: bool = False,
) -> Address:
    """Return how the live stream `url` is opened.

    timeout: seconds; extra: options that override ours; audio: whether audio is demuxed, too
    """
    microseconds = str(round(timeout * 1e6))
    rest = url.partition(":")[2]
    if kind in ("rtsp", "rtsps"):
        own = {"rtsp_transport": transport, "timeout": microseconds}
        own["allowed_media_types"] = "video+audio" if audio else "video"
        options = {**own, **_NO_PROBING, **extra}
        return Address(url, None, options, kind, limit=limit, audio=audio)
    if kind == "camera":
        device = rest if url.startswith("camera:") else url
        device = f"/dev/video{device}" if device.isdecimal() else device
        return Address(device, "v4l2", dict(extra), kind, limit=limit)
    if kind == "pipe":
        path = rest if url.startswith("pipe:") else url
        return Address(path, None, {**_SHORT_PROBING, **extra}, kind, limit=limit, audio=audio)
    plain = rest if url.startswith(f"{kind}:") else url
    if kind == "mjpeg":
        return Address(plain, None, dict(extra), kind, limit=limit)
    own = {"rw_timeout": microseconds, **_SHORT_PROBING, **_NO_KEEPING, **extra}
    return Address(plain, "hls", own, kind, variant, max_height, limit, audio)


def open_live(
    where: Address, timeout: float, stopped: Event, files: ExitStack
) -> tuple[InputContainer, HlsFiles | None]:
    """Return the demuxer, and what it reads of HLS.

    Raises av.FFmpegError, OSError or Disconnected.

    timeout: seconds
    stopped: ends the wait for a pipe or for HLS; the wait for an RTSP server cannot be ended
    files: closes the demuxer and the pipe that it reads
    """
    file: Any = where.url
    hls = None
    if where.kind == "hls":
        hls = HlsFiles(where.url, timeout, stopped, where.options, where.variant, where.max_height)
        file = hls.url
    if where.kind == "pipe":
        file = files.enter_context(closing(PipeReader(Path(where.url), timeout, stopped)))
    container: InputContainer = av.open(
        file,
        format=where.format,
        options=where.limit.options | dict(where.options),
        timeout=timeout,
        io_open=hls.open if hls else None,
        metadata_errors="replace",
    )
    return files.enter_context(closing(container)), hls
