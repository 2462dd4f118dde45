"""A replaced file is complete or the old one, and has the mode of a new file."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from detector.atomic_write import replacing


def test_a_file_that_its_writer_made_private_gets_the_mode_of_the_umask(tmp_path: Path) -> None:
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    with replacing(tmp_path / "weights") as written:
        os.close(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    assert (tmp_path / "weights").stat().st_mode == ordinary.stat().st_mode


def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_text("old")
    with suppress(ZeroDivisionError), replacing(path) as written:
        written.write_text("half")
        _ = 1 / 0
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_new_file_replaces_the_old_one_and_missing_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "state"
    for text in ("old", "new"):
        with replacing(path) as written:
            written.write_text(text)
    assert path.read_text() == "new" and list(path.parent.iterdir()) == [path]
