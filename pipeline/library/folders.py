"""The recordings in a folder and all folders below it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

MEDIA_SUFFIXES = (  # of files that FFmpeg reads and that usually hold video
    *(".3gp", ".asf", ".avi", ".flv", ".h264", ".h265", ".hevc", ".m2ts", ".m4v", ".mjpeg"),
    *(".mjpg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".vob"),
    *(".webm", ".wmv"),
)


def recordings_below(folder: Path, warnings: list[str]) -> Iterator[Path]:
    """Yield the recordings, folder by folder, sorted.

    Links are followed, and no folder is entered twice. Names that begin with a dot are left out.
    warnings: gets a line for each folder that cannot be read, and for each link that leads nowhere
    """
    entered: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            status = here.stat()
            entries = sorted(os.listdir(here))
        except OSError as error:
            warnings.append(f"{here}: cannot be read: {error.strerror}")
            continue
        if (status.st_dev, status.st_ino) in entered:
            continue
        entered.add((status.st_dev, status.st_ino))
        visible = [here / name for name in entries if not name.startswith(".")]
        yield from _files(visible, warnings)
        waiting += [path for path in reversed(visible) if path.is_dir()]


def is_recording(path: Path) -> bool:
    """Return whether a name is that of a recording, in upper or lower case.

    What a run left of an output that broke off is none.
    """
    return path.suffix.lower() in MEDIA_SUFFIXES and not path.stem.endswith(".incomplete")


def _files(paths: list[Path], warnings: list[str]) -> Iterator[Path]:
    for path in filter(is_recording, paths):
        if path.is_file():
            yield path
        elif path.is_symlink() and not path.exists():
            warnings.append(f"{path}: the link leads nowhere")
