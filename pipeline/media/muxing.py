"""Containers of files that can be read while they grow, with exact times."""

from __future__ import annotations

from io import BytesIO
from math import ceil

import av
from av.stream import Stream

FORMATS = {".mkv": "matroska", ".mov": "mov", ".mp4": "mp4"}  # FFmpeg's muxer, by suffix


def muxing(container: str, ticks: int) -> dict[str, str]:
    """Return the muxer options of a file that can be read while it grows and has exact times.

    An mp4 is fragmented while it grows; closing it turns it into an ordinary mp4.

    ticks: per second, of the video
    """
    growing = {
        "flush_packets": "1",
        # Microseconds for which the muxer holds video back until audio comes. We interleave
        # ourselves, and audio that ends early would hold the video back for ever.
        "max_interleave_delta": "1",
    }
    if container == "matroska":
        # Audio that starts before 0, as AAC does, would shift the video.
        return growing | {"avoid_negative_ts": "disabled"}
    # Start offsets are in movie ticks: a multiple of ours, and shorter than an audio sample.
    movie_ticks = ticks * ceil(100_000 / ticks)
    return growing | {
        "movflags": "hybrid_fragmented+frag_keyframe+delay_moov",
        "video_track_timescale": str(ticks),
        "movie_timescale": str(movie_ticks),
    }


def refused(stream: Stream, container: str) -> bool:
    """Return whether the container cannot hold the stream; some fail only at the header."""
    try:
        with av.open(BytesIO(), "w", format=container) as trial:
            trial.add_stream_from_template(stream, opaque=True)
            trial.start_encoding()
    except (av.FFmpegError, ValueError):
        return True
    return False
