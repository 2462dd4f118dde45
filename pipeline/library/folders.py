"""The recordings in a folder and all folders below it."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator
from pathlib import Path

MEDIA_SUFFIXES = (  # of files that FFmpeg reads and that usually hold video
    *(".3gp", ".asf", ".avi", ".flv", ".h264", ".h265", ".hevc", ".m2ts", ".m4v", ".mjpeg"),
    *(".mjpg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".vob"),
    *(".webm", ".wmv"),
)


def files_below(folder: Path, suffixes: Container[str], warnings: list[str]) -> Iterator[Path]:
    """Yield the files with these suffixes, in upper or lower case, folder by folder, sorted.

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
        yield from _files(visible, suffixes, warnings)
        waiting += [path for path in reversed(visible) if path.is_dir()]


def _files(paths: list[Path], suffixes: Container[str], warnings: list[str]) -> Iterator[Path]:
    for path in paths:
        if path.suffix.lower() not in suffixes or _is_ours(path):
            continue
        if path.is_file():
            yield path
        elif path.is_symlink() and not path.exists():
            warnings.append(f"{path}: the link leads nowhere")


def _is_ours(path: Path) -> bool:
    """Return whether a file is what a run left of an output that broke off."""
    return path.stem.endswith(".incomplete")
