"""File names of segments, made from a template, and the deletion of old segments."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from string import digits
from time import time

from pipeline.checked_text import EPOCH_DIGITS
from pipeline.rate_limited_log import RateLimitedLog
from pipeline.sinks.output_lock import is_locked

# Patterns of the text that each supported directive of strftime becomes. All have a fixed length,
# and a stream's name cannot contain the `~` that numbers segments of one second. So one stream's
# segments never match the template of another stream.
_PATTERNS = {
    "Y": r"\d{4}",
    "y": r"\d{2}",
    "m": r"\d{2}",
    "d": r"\d{2}",
    "H": r"\d{2}",
    "M": r"\d{2}",
    "S": r"\d{2}",
    "j": r"\d{3}",
    "s": r"\d{10}",  # until the year 2286
    "%": "%",
}
_EPOCH = re.compile(rf"epoch-\d{{{EPOCH_DIGITS}}}")
DIRECTIVES = ", ".join(f"%{letter}" for letter in _PATTERNS)
_DIGIT = "any digit"
_NUMBER = r"(~\d+)?"  # where two segments would have the same name


class SegmentNames:
    """The file names that a template such as `rec/cam/%Y-%m-%d/%H%M%S.mp4` stands for.

    A part such as `epoch-1764366000` stands for that of any epoch in `existing`, so that the
    segments of earlier epochs are found, and deleted when they are old.
    """

    def __init__(self, template: Path) -> None:
        self._template = template
        parts = [_pattern(part) for part in template.with_suffix("").parts]
        suffix = re.escape(template.suffix)
        self._levels = [re.compile(part) for part in parts[:-1]]
        self._file = re.compile(rf"{parts[-1]}{_NUMBER}(\.incomplete)?{suffix}")

    @staticmethod
    def unsupported_directive(template: Path) -> str | None:
        """Return the first directive in a template that is not in DIRECTIVES; None: all are."""
        found = re.findall(r"%.?", str(template))
        return next((each for each in found if each[1:] not in _PATTERNS), None)

    def may_equal(self, other: Path) -> bool:
        """Return whether a segment may have the name of another output, a file or a template."""
        template, other = self._template.resolve(), other.resolve()
        if template.suffix != other.suffix or len(template.parts) != len(other.parts):
            return False
        ours, theirs = (_letters(each) for each in (template, other))
        return all(map(_may_agree, ours, theirs))

    def at(self, moment: datetime) -> Path:
        """Return an unused name for a segment that starts at `moment`."""
        first = Path(moment.strftime(str(self._template)))
        others = (first.with_stem(f"{first.stem}~{number}") for number in count(2))
        return next(path for path in chain([first], others) if not _is_used(path))

    def existing(self) -> Iterator[Path]:
        """Yield the existing files with such a name."""
        yield from self._below(Path(), 0)

    def remove_empty_folders(self, path: Path) -> None:
        """Delete the folders of a deleted file if the template made them and they are empty."""
        parents = list(path.parents)[: len(self._levels)]
        for folder, part in zip(parents, reversed(self._template.parent.parts), strict=False):
            if _is_literal(part) or any(folder.iterdir()):
                return
            folder.rmdir()

    def _below(self, folder: Path, level: int) -> Iterator[Path]:
        if level < len(self._levels):
            part = self._template.parts[level]
            inside = (
                [folder / part]
                if _is_literal(part)
                else self._matching(folder, self._levels[level])
            )
            for each in inside:
                if each.is_dir():
                    yield from self._below(each, level + 1)
        else:
            yield from (each for each in self._matching(folder, self._file) if each.is_file())

    @staticmethod
    def _matching(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
        if not folder.is_dir():
            return []
        return sorted(folder / name for name in os.listdir(folder) if pattern.fullmatch(name))


def _is_literal(part: str) -> bool:
    """Return whether a part of a template stands for itself alone."""
    return "%" not in part and not _EPOCH.search(part)


def _is_used(path: Path) -> bool:
    return path.exists() or path.with_suffix(f".incomplete{path.suffix}").exists()


def _letters(path: Path) -> list[list[str]]:
    """Return the letters of each part of a path without its suffix; _DIGIT stands for any digit."""
    return [
        [letter for piece in re.split(r"(%.)", part) for letter in _expanded(piece)]
        for part in path.with_suffix("").parts
    ]


def _expanded(piece: str) -> list[str]:
    if not piece.startswith("%") or piece == "%%" or piece[1:] not in _PATTERNS:
        return list(piece.replace("%%", "%"))
    length = re.fullmatch(r"\\d\{(\d+)\}", _PATTERNS[piece[1:]])
    assert length, piece
    return [_DIGIT] * int(length[1])


def _may_agree(ours: list[str], theirs: list[str]) -> bool:
    """Return whether two parts of paths may be the same, whatever the digits of each are."""
    return len(ours) == len(theirs) and all(
        a == b or (a == _DIGIT and b in digits) or (b == _DIGIT and a in digits)
        for a, b in zip(ours, theirs, strict=True)
    )


def _pattern(part: str) -> str:
    pieces = re.split(rf"(%.|{_EPOCH.pattern})", part)
    return "".join(map(_pattern_of_piece, pieces))


def _pattern_of_piece(piece: str) -> str:
    if piece.startswith("%"):
        return _PATTERNS.get(piece[1:], "")
    return _EPOCH.pattern if _EPOCH.fullmatch(piece) else re.escape(piece)


@dataclass(frozen=True, slots=True)
class _Segment:
    """An existing file; modified_at: seconds since 1970; size: bytes."""

    modified_at: float
    size: int
    path: Path


class Retention:
    """Deletes the oldest segments of a template.

    keep_seconds: maximum age; keep_bytes: maximum size of all segments together. None: no limit
    """

    def __init__(
        self,
        names: SegmentNames,
        keep_seconds: float | None,
        keep_bytes: int | None,
        log: RateLimitedLog,
    ) -> None:
        self._names = names
        self._keep_seconds = keep_seconds
        self._keep_bytes = keep_bytes
        self._log = log

    def apply(self, being_written: Path | None) -> None:
        """Delete the segments beyond the limits, oldest first.

        being_written: the open segment, which is never deleted; None if none is open
        """
        if self._keep_seconds is None and self._keep_bytes is None:
            return
        try:
            self._delete_oldest(being_written)
        except OSError as error:
            self._log.log(logging.WARNING, f"old segments cannot be deleted: {error}", "delete")

    def _delete_oldest(self, being_written: Path | None) -> None:
        segments = sorted(self._segments(), key=lambda segment: segment.modified_at)
        total = sum(segment.size for segment in segments)
        for segment in segments:
            too_old = self._keep_seconds is not None and (
                time() - segment.modified_at > self._keep_seconds
            )
            too_large = self._keep_bytes is not None and total > self._keep_bytes
            due = (too_old or too_large) and segment.path != being_written
            if due and not is_locked(segment.path):  # another run may be writing it
                segment.path.unlink(missing_ok=True)
                self._names.remove_empty_folders(segment.path)
                total -= segment.size

    def _segments(self) -> Iterator[_Segment]:
        for path in self._names.existing():
            try:
                found = path.stat()
            except FileNotFoundError:
                continue  # another process has deleted it
            yield _Segment(found.st_mtime, found.st_size, path)
