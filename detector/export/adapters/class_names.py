"""Class names: in the metadata of a file, in a file of their own, or in a list."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from detector.errors import UsageError
from detector.settings import read_yaml
from detector.text_file import read_text

YAML = (".yaml", ".yml")


def names_in(metadata: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the names in `names` of the metadata: a list, or a dictionary by number."""
    return _ordered(metadata.get("names"))


def read_names(given: str) -> tuple[str, ...]:
    """Return the names of a file or a list.

    given: names separated by commas, or the path of a text file with one per line, or of a
        data.yaml with the key `names`
    Raises UsageError if there is no name.
    """
    path = Path(given)
    if path.suffix in YAML:
        names = _ordered(read_yaml(path).get("names"))
    elif path.is_file():
        names = tuple(line.strip() for line in read_text(path).splitlines())
    else:
        names = tuple(name.strip() for name in given.split(","))
    while names and not names[-1]:
        names = names[:-1]  # the end of the file
    if not names or not all(names):
        raise UsageError(
            f"--names: '{given}' has no name for each class: give names separated by commas, a "
            "text file with one per line, or a data.yaml with `names`"
        )
    return names


def numbered_names(count: int) -> tuple[str, ...]:
    """Return the names of classes that nothing names."""
    return tuple(f"class {number}" for number in range(count))


def _ordered(names: object) -> tuple[str, ...] | None:
    if isinstance(names, dict) and all(isinstance(key, int) for key in names):
        names = [names[key] for key in sorted(names)]
    if not isinstance(names, list | tuple) or not names:
        return None
    return tuple(str(name) or f"class {number}" for number, name in enumerate(names))
