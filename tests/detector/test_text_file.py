"""A text file that cannot be written is a usage error that names the path and the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.errors import UsageError
from detector.text_file import read_text, write_text


def test_the_text_is_written_in_utf_8_and_its_folder_is_made(tmp_path: Path) -> None:
    write_text(tmp_path / "new/list.txt", "gåten\n")
    assert (tmp_path / "new/list.txt").read_bytes() == b"g\xc3\xa5ten\n"


def test_a_path_that_cannot_be_written_is_named_with_its_option(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        write_text(tmp_path, "text")
    assert str(refused.value) == f"{tmp_path}: cannot be written: Is a directory"
    with pytest.raises(UsageError) as refused:
        write_text(tmp_path, "text", "--stats-json")
    assert str(refused.value) == f"--stats-json: {tmp_path} cannot be written: Is a directory"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_byte_order_mark_names_the_encoding_and_is_removed(tmp_path: Path, encoding: str) -> None:
    mark = "\ufeff" if encoding.endswith(("le", "be")) else ""
    (tmp_path / "a.txt").write_bytes((mark + "Zürich\n").encode(encoding))
    assert read_text(tmp_path / "a.txt") == "Zürich\n"


def test_another_encoding_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("Zürich".encode("latin-1"))
    with pytest.raises(UnicodeError):
        read_text(tmp_path / "a.txt")
