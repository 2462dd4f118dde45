"""What a recording is: its size and date are quick to read, its content says for certain."""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path

from pipeline.library.executor import Fingerprint

_CHUNK = 1 << 20  # bytes


def quick_fingerprint(path: Path) -> Fingerprint:
    """Return size and date of a local file; raises OSError."""
    status = os.stat(path)
    return Fingerprint(status.st_size, status.st_mtime_ns)


def full_fingerprint(path: Path) -> Fingerprint:
    """Return size, date and content of a local file; raises OSError.

    The content is unknown if the file changed while it was read.
    """
    before = quick_fingerprint(path)
    content = _hash(path)
    return Fingerprint(before.size, before.modified, content if _is(path, before) else "")


def has_content(path: Path, known: Fingerprint) -> bool:
    """Return whether a local file has the content that is known; it is only read if it may."""
    try:
        now = quick_fingerprint(path)
        return now.size == known.size and bool(known.content) and _hash(path) == known.content
    except OSError:
        return False


def _is(path: Path, quick: Fingerprint) -> bool:
    return quick_fingerprint(path) == quick


def _hash(path: Path) -> str:
    found = blake2b(digest_size=16)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()
