"""Write a file completely or not at all: next to its path first, then renamed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; it replaces `path` if the block does not raise.

    Readers see the old file or the new one, never a part of one, even after kill -9. Missing
    folders are made. The temporary file has the name of `path`, in a folder beside it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        written = Path(folder) / path.name
        mode = _mode_of_new(written)
        yield written
        written.chmod(mode)  # some libraries write files that only the owner can read
        with written.open("rb") as file:
            os.fsync(file.fileno())  # the bytes must be on the disk before the name is
        os.replace(written, path)


def _mode_of_new(path: Path) -> int:
    """Return the mode of a new file. The umask itself cannot be read in a program with threads."""
    path.touch()
    mode = path.stat().st_mode
    path.unlink()
    return mode
