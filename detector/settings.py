"""Reading a user's YAML: variables filled in, mistakes answered with what is accepted."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from detector.errors import UsageError

_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}")


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in the file at `path`, with every ${VAR:-default} filled in.

    Raises UsageError where the file is missing, is not YAML, is no mapping, or names a variable
    that is not set and has no default.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UsageError(f"{path}: a mapping of keys to values is expected at the top")
    filled: dict[str, Any] = _fill(content, path)
    return filled


def did_you_mean(given: str, accepted: Iterable[str]) -> str:
    """Return the end of a message about an unknown word: the nearest known one, and all."""
    known = sorted(accepted)
    nearest = get_close_matches(given, known, n=1)
    hint = f"; did you mean '{nearest[0]}'?" if nearest else ";"
    return f"{hint} accepted: {', '.join(known)}"


def _fill(value: Any, path: Path) -> Any:
    if isinstance(value, dict):
        return {key: _fill(part, path) for key, part in value.items()}
    if isinstance(value, list):
        return [_fill(part, path) for part in value]
    if isinstance(value, str):
        return _VARIABLE.sub(lambda match: _variable(match, path), value)
    return value


def _variable(match: re.Match[str], path: Path) -> str:
    value = os.environ.get(match["name"], match["default"])
    if value is None:
        raise UsageError(
            f"{path}: the variable {match['name']} is not set; "
            f"set it, or write a default: ${{{match['name']}:-default}}"
        )
    return value
