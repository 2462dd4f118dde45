"""A file is either whole or not there: written beside its place, then moved into it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give an empty folder's `path.name` to write to; it replaces `path` if the block ends well.

    Readers see the old file or the new one, never half of one, also after kill -9.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        written = Path(folder) / path.name
        mode = _mode_of_new(written)
        yield written
        written.chmod(mode)  # some libraries write for the owner alone
        with written.open("rb") as file:
            os.fsync(file.fileno())  # the name must not reach the disk before the bytes
        os.replace(written, path)


def _mode_of_new(path: Path) -> int:
    """Return the mode that a new file gets, by the umask, which cannot be asked for on a thread."""
    path.touch()
    mode = path.stat().st_mode
    path.unlink()
    return mode
