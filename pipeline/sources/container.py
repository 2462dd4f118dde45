"""Opening a recording, the same for its pictures and for its audio."""

from __future__ import annotations

import av
from av.container import InputContainer


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
