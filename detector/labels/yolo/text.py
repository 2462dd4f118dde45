"""Text files of a set of labels."""

from __future__ import annotations

from detector.errors import UsageError
from detector.labels.label_files import LabelFiles
from detector.text_file import decoded


def text_of(files: LabelFiles, name: str) -> str:
    """Return the text of a file. Raises UsageError if it is none."""
    try:
        return decoded(files.read(name))
    except UnicodeError as error:
        raise UsageError(f"{files.where(name)}: text in UTF-8 is expected: {error}") from error
