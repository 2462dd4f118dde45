"""When a recording began, by the wall clock."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import av
from av.container import InputContainer

from pipeline.media.container import open_container

_PROBE_SECONDS = 10.0  # only servers can be silent, and this reads only local files


def started_at(path: Path) -> float | None:
    """Return the wall clock at the first frame of a local recording, in seconds since 1970.

    It is the time of creation in the container if there is one. Otherwise the file is taken to have
    been completed with its last frame, so it is the time of modification minus the duration. None
    if nothing of this is known.
    """
    try:
        modified = path.stat().st_mtime
        with open_container(str(path), _PROBE_SECONDS) as container:
            created = _created_at(container)
            duration = None if container.duration is None else container.duration / av.time_base
    except (OSError, ValueError, av.FFmpegError):
        return None
    if created is not None:
        return created
    return None if duration is None else modified - duration


def _created_at(container: InputContainer) -> float | None:
    """Return the time of creation that a container states; the epoch of mp4 means none."""
    for tags in (container.metadata, *(stream.metadata for stream in container.streams.video)):
        try:
            created = datetime.fromisoformat(tags["creation_time"].replace("Z", "+00:00"))
        except (KeyError, ValueError):
            continue
        if created.tzinfo is None:
            created = created.replace(tzinfo=timezone.utc)
        if created.timestamp() > 0:
            return created.timestamp()
    return None
