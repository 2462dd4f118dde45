"""What FFmpeg's containers have in common: how they are opened, and what they show."""

from __future__ import annotations

from fractions import Fraction

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

FALLBACK_INTERVAL = Fraction(1, 25)  # seconds, where the container tells no rate
HIGHEST_RATE = 1000  # frames per second; above, it is the time base's and not the pictures'


def open_container(
    url: str, timeout_seconds: float, options: dict[str, str] | None = None
) -> InputContainer:
    """Return the demuxer of a local file or of an http(s) URL; raises av.FFmpegError.

    timeout_seconds: how long a server may stay silent; options: the demuxer's own
    """
    remote = "://" in url
    waiting = {"rw_timeout": str(round(timeout_seconds * 1e6))} if remote else {}  # microseconds
    return av.open(
        # the prefix keeps a colon in a file's name from being read as a protocol
        url if remote else f"file:{url}",
        options=waiting | (options or {}),
        timeout=timeout_seconds if remote else None,
        metadata_errors="replace",  # a title need not be UTF-8
    )


def first_video_stream(container: InputContainer) -> VideoStream | None:
    """Return the first video stream that is no attached picture, None where there is none."""
    for stream in container.streams.video:
        if Disposition.attached_pic not in Disposition(stream.disposition):
            return stream
    return None


def nominal_interval(video: VideoStream) -> Fraction:
    """Return the seconds between two frames, as far as the container can be believed."""
    for rate in (video.average_rate, video.guessed_rate):
        if rate and 0 < rate <= HIGHEST_RATE:
            return 1 / rate
    return FALLBACK_INTERVAL
