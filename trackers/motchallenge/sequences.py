"""Where sequences are on disk: single files, folders of files, and the MOTChallenge layout."""

from __future__ import annotations

from configparser import ConfigParser
from configparser import Error as IniError
from dataclasses import dataclass
from math import inf
from pathlib import Path

from detector.errors import UsageError
from detector.text_file import read_text
from trackers.motchallenge.text import MAX_FRAME


def find_sequences(path: Path, inside: str | None = None) -> dict[str, Path]:
    """Return name -> text file of the sequences at `path`.

    path: a file; a folder of `NAME.txt`; a folder with `NAME/<inside>`; or the folder `NAME` itself
    inside: such as `gt/gt.txt`; None: only `NAME.txt` is accepted in a folder
    Raises UsageError if there is no sequence.
    """
    if not path.exists():
        raise UsageError(f"{path}: cannot be read: no such file or folder")
    if not path.is_dir():
        return {_name(path, inside): path}
    nested = [*path.glob(inside), *sorted(path.glob(f"*/{inside}"))] if inside else []
    files = nested or sorted(path.glob("*.txt"))
    if not files:
        accepted = f"NAME.txt or NAME/{inside}" if inside else "NAME.txt"
        raise UsageError(f"{path}: no {accepted} in this folder")
    return {_name(file, inside): file for file in files}


def is_nested(file: Path, inside: str) -> bool:
    """Return whether a file is at `inside` in a sequence's folder (MOTChallenge layout)."""
    return file.resolve().parts[-2:] == Path(inside).parts


@dataclass(frozen=True, slots=True)
class SequenceInfo:
    """Frame rate per second and number of frames, from a seqinfo.ini."""

    frame_rate: float
    length: int


def read_info(file: Path) -> SequenceInfo | None:
    """Return the seqinfo.ini beside `file` or one folder above, None if there is none.

    Raises UsageError unless frameRate and seqLength are numbers above 0.
    """
    for folder in file.resolve().parents[:2]:
        path = folder / "seqinfo.ini"
        if path.is_file():
            return _read_info(path)
    return None


def _read_info(path: Path) -> SequenceInfo:
    ini = ConfigParser()
    try:
        ini.read_string(read_text(path))
        section = ini["Sequence"]
        info = SequenceInfo(section.getfloat("frameRate", 0), section.getint("seqLength", 0))
    except (OSError, IniError, KeyError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
    if not (0 < info.frame_rate < inf and 0 < info.length <= MAX_FRAME):
        raise UsageError(
            f"{path}: frameRate above 0 and seqLength from 1 to {MAX_FRAME} are expected in "
            "[Sequence]"
        )
    return info


def _name(file: Path, inside: str | None) -> str:
    nested = inside is not None and is_nested(file, inside)
    return file.resolve().parents[1].name if nested else file.stem
