"""Lists of recordings: one path or URL per line, or a column of a table."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from detector.errors import UsageError
from detector.text_file import read_text

LIST_SUFFIXES = (".csv", ".txt")
COLUMNS = ("path", "file", "filename", "video", "url", "source")  # the first that a table has
_SEPARATORS = (",", ";", "\t")


def is_list(word: str) -> bool:
    """Return whether a word means a list: `@FILE`, or a file that ends in .txt or .csv."""
    if word.startswith("@"):
        return not Path(word).exists()
    return Path(word).suffix.lower() in LIST_SUFFIXES


def entries_of(file: Path) -> list[str]:
    """Return what a list names, in its order; raises UsageError if it cannot be read, or is empty.

    Empty lines, and lines that begin with #, are left out. A .csv file has its entries in the
    column that is named in its first line (see COLUMNS), or in the first column if none is.
    """
    try:
        text = read_text(file)
    except OSError as error:
        raise UsageError(f"{file}: the list cannot be read: {error.strerror}") from error
    except UnicodeError:
        raise UsageError(f"{file}: the list is no text in UTF-8") from None
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    table = file.suffix.lower() == ".csv"
    entries = list(_column(lines)) if table else [line.strip() for line in lines]
    if any("\0" in entry for entry in entries):
        raise UsageError(f"{file}: the list is no text")
    if not entries:
        raise UsageError(f"{file}: the list is empty: give one path or URL per line")
    return entries


def _column(lines: list[str]) -> Iterator[str]:
    first = lines[0] if lines else ""
    separator = max(_SEPARATORS, key=first.count)
    rows = list(csv.reader(lines, delimiter=separator))
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    named = [header.index(name) for name in COLUMNS if name in header]
    column = named[0] if named else 0
    for row in rows[1:] if named else rows:
        if len(row) > column and row[column].strip():
            yield row[column].strip()
