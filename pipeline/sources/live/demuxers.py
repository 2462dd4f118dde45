"""Opening live streams with FFmpeg: which demuxer, and what it must be told to lose no time."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any, Literal

import av
from av.container import InputContainer

from pipeline.sources.live.pipe import PipeReader

Transport = Literal["tcp", "udp"]

# The description of an RTSP session says what is needed: probing would only hold pictures back.
_AT_ONCE = {"probesize": "32", "fpsprobesize": "0"}
# What a container says of itself comes soon; the rate is not worth waiting for.
_SOON = {"analyzeduration": "1000000", "fpsprobesize": "0"}


@dataclass(frozen=True)
class Address:
    """How one live stream is opened.

    url: with credentials, as FFmpeg takes it; format: the demuxer, None to let FFmpeg look
    options: the demuxer's
    """

    url: str = field(repr=False)
    format: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    pipe: bool = False


def address(
    kind: str, url: str, transport: Transport, timeout: float, extra: Mapping[str, str]
) -> Address:
    """Return how the live stream `url` is opened.

    kind: of source (see SOURCES); timeout: seconds; extra: options that go over ours
    """
    silence = str(round(timeout * 1e6))  # microseconds
    rest = url.partition(":")[2]
    if kind in ("rtsp", "rtsps"):
        told = {"rtsp_transport": transport, "timeout": silence, "allowed_media_types": "video"}
        return Address(url, None, {**told, **_AT_ONCE, **extra})
    if kind == "camera":
        device = rest if url.startswith("camera:") else url
        device = f"/dev/video{device}" if device.isdecimal() else device
        return Address(device, "v4l2", dict(extra))
    if kind == "pipe":
        path = rest if url.startswith("pipe:") else url
        return Address(path, None, {**_SOON, **extra}, pipe=True)
    plain = rest if url.startswith(f"{kind}:") else url
    if kind == "mjpeg":  # its pictures carry no times
        told = {"rw_timeout": silence, "use_wallclock_as_timestamps": "1"}
        return Address(plain, "mpjpeg", {**told, **_AT_ONCE, **extra})
    return Address(plain, "hls", {"rw_timeout": silence, **_SOON, **extra})


def open_live(where: Address, timeout: float, stopped: Event, files: ExitStack) -> InputContainer:
    """Return the demuxer; raises av.FFmpegError or OSError after at most `timeout` seconds.

    stopped: ends the wait for a pipe that nobody writes; nothing ends that for a server
    files: closes the demuxer, and what it reads
    """
    file: Any = where.url
    if where.pipe:
        file = files.enter_context(closing(PipeReader(Path(where.url), timeout, stopped)))
    container: InputContainer = av.open(
        file,
        format=where.format,
        options=dict(where.options),
        timeout=timeout,
        metadata_errors="replace",
    )
    return files.enter_context(closing(container))
