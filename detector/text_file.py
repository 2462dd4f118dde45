"""Text files that the user asked for by an option or an argument."""

from __future__ import annotations

from pathlib import Path

from detector.errors import UsageError


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
