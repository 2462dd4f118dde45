"""Text files of the user: read in the encodings that programs write, and written."""

from __future__ import annotations

import codecs
from pathlib import Path

from detector.errors import UsageError

MARKS = {  # byte order mark -> encoding that removes it
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_text(path: Path) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 with a byte order mark.

    Raises OSError, or UnicodeError for another encoding.
    """
    data = path.read_bytes()
    encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), "utf-8")
    return data.decode(encoding)


def write_text(path: Path, text: str, option: str = "") -> None:
    """Write `text` to `path` in UTF-8; a missing folder is made.

    The file is written in place, so /dev/stdout and named pipes work too.

    option: the option that gave the path, such as `--stats-json`, for the error message
    Raises UsageError if the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        place = f"{option}: {path}" if option else f"{path}:"
        raise UsageError(f"{place} cannot be written: {error.strerror}") from error
