"""A user's YAML: read within limits, variables filled in, errors without credentials."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from detector.errors import UsageError
from detector.settings.bounded_yaml import load
from detector.settings.complaints import explain
from detector.settings.variables import fill

__all__ = ["explain", "read_yaml"]


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in the file at `path`, with every ${VAR:-default} filled in.

    Raises UsageError if the file is missing, is not YAML, is not a mapping, is too large or too
    deep with its aliases written out, or uses a variable that is not set and has no default.
    """
    content = load(path)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UsageError(f"{path}: the top level must be a mapping of keys to values")
    filled: dict[str, Any] = fill(content, path)
    return filled
