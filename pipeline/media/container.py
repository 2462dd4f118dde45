"""Opening containers with FFmpeg, and the properties of their video."""

from __future__ import annotations

from fractions import Fraction

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

FALLBACK_INTERVAL = Fraction(1, 25)  # seconds, if the container states no frame rate
WRAP = Fraction(2**33, 90_000)  # seconds after which the times of MPEG start again: 33 bits
MAX_RATE = 1000  # frames per second; a higher one is that of the time base, not of the frames


def open_container(
    url: str, timeout_seconds: float, options: dict[str, str] | None = None
) -> InputContainer:
    """Return the demuxer of a local file or of an http(s) URL; raises av.FFmpegError.

    timeout_seconds: how long a server may stay silent; options: of the demuxer
    """
    remote = "://" in url
    timeout = {"rw_timeout": str(round(timeout_seconds * 1e6))} if remote else {}  # microseconds
    return av.open(
        # without the prefix, a colon in a file name would be taken for a protocol
        url if remote else f"file:{url}",
        options=timeout | (options or {}),
        timeout=timeout_seconds if remote else None,
        metadata_errors="replace",  # a title need not be UTF-8
    )


def first_video_stream(container: InputContainer) -> VideoStream | None:
    """Return the first video stream that is not an attached picture, None if there is none."""
    for stream in container.streams.video:
        if Disposition.attached_pic not in Disposition(stream.disposition):
            return stream
    return None


def nominal_interval(video: VideoStream) -> Fraction:
    """Return the seconds between two frames, if the container's frame rate is plausible."""
    for rate in (video.average_rate, video.guessed_rate):
        if rate and 0 < rate <= MAX_RATE:
            return 1 / rate
    return FALLBACK_INTERVAL
