"""Read a user's YAML: variables are filled in, errors say what is accepted."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, Tag, ValidationError

from detector.errors import UsageError, did_you_mean

_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}")


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in the file at `path`, with every ${VAR:-default} filled in.

    Raises UsageError if the file is missing, is not YAML, is not a mapping, or uses a variable that
    is not set and has no default.
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
        raise UsageError(f"{path}: the top level must be a mapping of keys to values")
    filled: dict[str, Any] = _fill(content, path)
    return filled


def explain(
    error: ValidationError, model: type[BaseModel], where: Callable[[Sequence[str]], str]
) -> str:
    """Describe the first error in one line: where, what was given, what is accepted.

    model: the model that was validated; where: keys from its top -> the place, for the message
    """
    unknown_first = sorted(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    first = unknown_first[0]  # a misspelt key explains a missing one
    keys = [str(part) for part in first["loc"]]
    fields = _section(model, keys[:-1]).model_fields
    if first["type"] == "extra_forbidden":
        return f"{where(keys)}: unknown key{did_you_mean(keys[-1], fields)}"
    if first["type"] == "missing" and keys[-1] in fields:
        what = fields[keys[-1]].description or f"give {keys[-1].replace('_', ' ')}"
        return f"{where(keys)}: missing; {what}"
    return f"{where(keys)}: {first['input']!r} given: {first['msg'].lower()}"


def _section(model: type[BaseModel], keys: Sequence[str]) -> type[BaseModel]:
    """Return the model of the section at `keys`, through lists and tagged unions."""
    kinds: dict[str, type[BaseModel]] = {}
    for key in keys:
        if key in kinds:
            model = kinds[key]
        elif key in model.model_fields:
            kinds = _models_in(model.model_fields[key].annotation)
            model = kinds.get("", model)
    return model


def _models_in(annotation: Any, tag: str = "") -> dict[str, type[BaseModel]]:
    """Return tag -> model for the models inside a type; the tag is empty if there is none."""
    if hasattr(annotation, "model_fields"):
        return {tag: annotation}
    inside = get_args(annotation)
    tags = [part.tag for part in inside if isinstance(part, Tag)]
    return {k: found for part in inside for k, found in _models_in(part, *tags).items()}


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
