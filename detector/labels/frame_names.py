"""Names of the files of frames: which frame of its video a file is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

_FRAME = re.compile(r"frame_(\d{4,8})", re.IGNORECASE)
_NUMBER = re.compile(r"(\d+)")


def frame_of_name(file: str) -> int | None:
    """Return the frame, from 0, of a file named `frame_000000.jpg`; None for another name."""
    found = _FRAME.fullmatch(PurePosixPath(file).stem)
    return int(found[1]) if found else None


def natural(name: str) -> list[str | int]:
    """Return a key that sorts `frame_2` before `frame_10`."""
    return [int(part) if part.isdecimal() else part for part in _NUMBER.split(name)]


def frames_of_names(files: Sequence[str]) -> list[int] | None:
    """Return the frame of each file if all are named as frames, and no two as the same one."""
    frames = [frame_of_name(file) for file in files]
    known = [frame for frame in frames if frame is not None]
    return known if len(set(known)) == len(files) else None
