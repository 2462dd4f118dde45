"""Names of segments from a template, and which of them to delete."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from time import time

from pipeline.rate_limited_log import RateLimitedLog

# What a directive of strftime may become, as far as it can be told from other text.
_BECOMES = {
    "Y": r"\d{4}",
    "y": r"\d{2}",
    "m": r"\d{2}",
    "d": r"\d{2}",
    "H": r"\d{2}",
    "M": r"\d{2}",
    "S": r"\d{2}",
    "j": r"\d{3}",
    "s": r"\d+",
    "%": "%",
}
DIRECTIVES = ", ".join(f"%{letter}" for letter in _BECOMES)
_NUMBER = r"(-\d+)?"  # where two segments would have one name


class Names:
    """The files that a template stands for, as `rec/cam/%Y-%m-%d/%H%M%S.mp4`."""

    def __init__(self, template: Path) -> None:
        self._template = template
        parts = [_pattern(part) for part in template.with_suffix("").parts]
        suffix = re.escape(template.suffix)
        self._levels = [re.compile(part) for part in parts[:-1]]
        self._file = re.compile(rf"{parts[-1]}{_NUMBER}(\.incomplete)?{suffix}")

    @staticmethod
    def unknown(template: Path) -> str | None:
        """Return the first directive that is not one of DIRECTIVES, None where there is none."""
        found = re.findall(r"%.?", str(template))
        return next((each for each in found if each[1:] not in _BECOMES), None)

    def at(self, moment: datetime) -> Path:
        """Return the name of a segment that begins at `moment`, one that is not in use."""
        first = Path(moment.strftime(str(self._template)))
        others = (first.with_stem(f"{first.stem}-{number}") for number in count(2))
        return next(path for path in chain([first], others) if not _is_used(path))

    def existing(self) -> Iterator[Path]:
        """Yield the files that have such a name."""
        yield from self._below(Path(), 0)

    def tidy(self, path: Path) -> None:
        """Delete the folders of a deleted file that the template made, where they are empty."""
        parents = list(path.parents)[: len(self._levels)]
        for folder, part in zip(parents, reversed(self._template.parent.parts), strict=False):
            if "%" not in part or any(folder.iterdir()):
                return
            folder.rmdir()

    def _below(self, folder: Path, level: int) -> Iterator[Path]:
        if level < len(self._levels):
            part = self._template.parts[level]
            literal = "%" not in part
            inside = [folder / part] if literal else self._inside(folder, self._levels[level])
            for each in inside:
                if each.is_dir():
                    yield from self._below(each, level + 1)
        else:
            yield from (each for each in self._inside(folder, self._file) if each.is_file())

    @staticmethod
    def _inside(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
        if not folder.is_dir():
            return []
        return sorted(folder / name for name in os.listdir(folder) if pattern.fullmatch(name))


def _is_used(path: Path) -> bool:
    return path.exists() or path.with_suffix(f".incomplete{path.suffix}").exists()


def _pattern(part: str) -> str:
    pieces = re.split(r"(%.)", part)
    return "".join(
        _BECOMES.get(piece[1:], "") if piece.startswith("%") else re.escape(piece)
        for piece in pieces
    )


@dataclass(frozen=True, slots=True)
class _Segment:
    """A file that is there: when it was written last, seconds since 1970; bytes."""

    written_at: float
    size: int
    path: Path


class Retention:
    """Deletes the oldest segments of a template.

    keep_seconds: older ones go; keep_bytes: what all together may have. None: no limit
    """

    def __init__(
        self,
        names: Names,
        keep_seconds: float | None,
        keep_bytes: int | None,
        quiet: RateLimitedLog,
    ) -> None:
        self._names = names
        self._keep_seconds = keep_seconds
        self._keep_bytes = keep_bytes
        self._quiet = quiet

    def apply(self, growing: Path | None) -> None:
        """Delete what is too much, but never the segment that is being written."""
        if self._keep_seconds is None and self._keep_bytes is None:
            return
        try:
            self._delete_what_is_too_much(growing)
        except OSError as error:
            self._quiet.log(logging.WARNING, f"old segments stay: {error}", "delete")

    def _delete_what_is_too_much(self, growing: Path | None) -> None:
        segments = sorted(self._there(), key=lambda segment: segment.written_at)
        total = sum(segment.size for segment in segments)
        for segment in segments:
            old = self._keep_seconds is not None and (
                time() - segment.written_at > self._keep_seconds
            )
            large = self._keep_bytes is not None and total > self._keep_bytes
            if segment.path != growing and (old or large):
                segment.path.unlink(missing_ok=True)
                self._names.tidy(segment.path)
                total -= segment.size

    def _there(self) -> Iterator[_Segment]:
        for path in self._names.existing():
            try:
                found = path.stat()
            except FileNotFoundError:
                continue  # somebody else has deleted it
            yield _Segment(found.st_mtime, found.st_size, path)
