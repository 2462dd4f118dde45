"""Which recordings a user means: files, folders, globs, lists and URLs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from detector.errors import UsageError
from pipeline.library.folders import MEDIA_SUFFIXES, is_recording, recordings_below
from pipeline.library.lists import entries_of, is_list
from pipeline.redaction import shown_url
from pipeline.sources import is_glob, source_for
from pipeline.sources.file import VideoFileSource


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording, and what `{path}` stands for in the names of its outputs.

    url: an absolute path, or an http(s) URL, which may hold credentials
    shown: as the user named it, without credentials
    path: below the folder or pattern that was given, without its suffix
    named: the user named it, and not only a folder or pattern
    """

    url: str = field(repr=False)
    shown: str
    path: str
    named: bool

    @property
    def suffix(self) -> str:
        """What `{suffix}` stands for: that of the file, without its dot."""
        return PurePosixPath(urlsplit(self.url).path if "://" in self.url else self.url).suffix[1:]


@dataclass(slots=True)
class Found:
    """All recordings, each once, in the order in which they were given.

    warnings: one line for each folder or link that could not be followed
    """

    recordings: list[Recording] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def find_recordings(words: Iterable[str]) -> Found:
    """Return the recordings that `words` name; raises UsageError for one that names none."""
    found, seen = Found(), set[str]()
    for word in words:
        for recording in _of_word(word, found.warnings):
            if recording.url not in seen:
                seen.add(recording.url)
                found.recordings.append(recording)
    return found


def _of_word(word: str, warnings: list[str]) -> Iterator[Recording]:
    path = Path(word)
    if "://" in word:
        yield _remote(word, in_list=False)
    elif is_list(word):
        yield from _of_list(word)
    elif path.is_dir():
        yield from _of_folder(path, path, word, warnings)
    elif path.exists():
        yield _local(path, path.parent)
    elif is_glob(word):
        yield from _of_glob(word, warnings)
    else:
        raise UsageError(f"{shown_url(word)}: no such file or folder")


def _of_folder(folder: Path, root: Path, word: str, warnings: list[str]) -> Iterator[Recording]:
    recordings = [_local(path, root, named=False) for path in recordings_below(folder, warnings)]
    if not recordings:
        raise UsageError(
            f"{word}: no recordings there; their names may end with {', '.join(MEDIA_SUFFIXES)}"
        )
    yield from recordings


def _of_glob(pattern: str, warnings: list[str]) -> Iterator[Recording]:
    """Yield the files that match, and the recordings in the folders that match.

    A pattern that ends with a suffix, as in `*.dav`, means all files with that suffix.
    """
    suffix = Path(pattern).suffix
    any_suffix = bool(suffix) and not is_glob(suffix)
    root = _fixed_part(pattern)
    recordings = []
    for path in map(Path, sorted(glob(pattern, recursive=True))):
        if path.is_dir():
            inside = recordings_below(path, warnings)
            recordings += [_local(each, root, named=False) for each in inside]
        elif path.is_file() and (any_suffix or is_recording(path)):
            recordings.append(_local(path, root, named=False))
    if not recordings:
        raise UsageError(f"{pattern}: no recording matches")
    yield from recordings


def _of_list(word: str) -> Iterator[Recording]:
    """Yield what a list names; a relative path may be meant from its folder, or from here."""
    file = Path(word.removeprefix("@"))
    for entry in entries_of(file):
        if "://" in entry:
            yield _remote(entry, in_list=True)
            continue
        beside = file.parent / entry
        path = beside if beside.exists() else Path(entry)
        if path.is_dir():
            raise UsageError(
                f"{file}: {entry} is a folder: a list names recordings; give the folder itself"
            )
        parts = [part for part in PurePosixPath(entry).parts if part not in ("/", "..")]
        name = PurePosixPath(*parts).with_suffix("") if parts else PurePosixPath(entry)
        yield Recording(os.path.abspath(path), entry, str(name), named=True)


def _local(path: Path, root: Path, *, named: bool = True) -> Recording:
    relative = path.relative_to(root).with_suffix("")
    return Recording(os.path.abspath(path), str(path), relative.as_posix(), named)


def _remote(url: str, *, in_list: bool) -> Recording:
    """Return the recording at a URL; of one in a list, `{path}` has the host as well."""
    if source_for(url) is not VideoFileSource:
        raise UsageError(f"{shown_url(url)}: it is live: give recordings, and cameras to `run`")
    parts = urlsplit(url)
    names = [unquote(part) for part in parts.path.split("/") if part not in ("", ".", "..")]
    whole = [parts.hostname or "", *names] if in_list else names[-1:] or [parts.hostname or ""]
    safe = [name.replace("/", "-").replace("\0", "-") for name in whole]
    path = PurePosixPath(*safe)
    return Recording(url, shown_url(url), str(path.with_suffix("") if names else path), named=True)


def _fixed_part(pattern: str) -> Path:
    """Return the folder in which a pattern begins to vary."""
    parts = Path(pattern).parts
    fixed = next(k for k, part in enumerate(parts) if is_glob(part))
    return Path(*parts[:fixed])
