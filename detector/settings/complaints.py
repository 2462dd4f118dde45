"""What was wrong in a configuration: the place, the value if it is harmless, what is accepted."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, Tag, ValidationError

from detector.errors import did_you_mean

# A value below one of these keys is never shown. Of others, only what cannot hold a credential.
_PRIVATE = {"url", "user", "password", "ffmpeg", "secret", "token"}
_HARMLESS = re.compile(r"[\w .,+/%*()-]{0,60}")
_KEY = re.compile(r"[A-Za-z_][\w-]{0,40}|\d+")
_PLACE = re.compile(r"[\w .()+/-]{0,60}")
_LIST, _MAPPING = "input should be a list: [A, B]", "input should be a mapping: keys with values"
_PLAINER = {  # what pydantic says in the words of Python, in those of YAML
    **dict.fromkeys(("tuple_type", "list_type", "set_type", "frozen_set_type"), _LIST),
    **dict.fromkeys(("model_type", "model_attributes_type", "dict_type", "mapping_type"), _MAPPING),
}
MAX_SHOWN = 120  # characters
HIDDEN = "***"


def explain(
    error: ValidationError, model: type[BaseModel], where: Callable[[Sequence[str]], str]
) -> str:
    """Describe the first error in one line: where, what was given, what is accepted.

    A value that may be a credential is not shown.

    model: the model that was validated; where: keys from its top -> the place, for the message
    """
    unknown_first = sorted(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    first = unknown_first[0]  # a misspelt key explains a missing one
    keys = [str(part) for part in first["loc"]]
    fields = _section(model, keys[:-1]).model_fields
    if first["type"] == "extra_forbidden":
        place = where([*map(_shown_place, keys[:-1]), shown_key(keys[-1])])
        return f"{place}: unknown key{did_you_mean(keys[-1], fields)}"
    place = where([_shown_place(key) for key in keys])
    if first["type"] == "missing" and keys[-1] in fields:
        what = fields[keys[-1]].description or f"give {keys[-1].replace('_', ' ')}"
        return f"{place}: missing; {what}"
    accepted = _PLAINER.get(first["type"]) or uncapitalised(first["msg"])
    return f"{place}: {given(first['input'], keys)}: {accepted}"


def given(value: Any, keys: Sequence[str]) -> str:
    """Return "VALUE given", without the value if it may be a credential.

    keys: under which it stands
    """
    shown = "" if _PRIVATE.intersection(keys) else _shown(value)
    return f"{shown} given" if shown and len(shown) <= MAX_SHOWN else f"{_kind(value)} given"


def shown_key(key: str) -> str:
    """Return a key of a configuration, or *** if it is no word: it may be a URL."""
    return key if _KEY.fullmatch(key) else HIDDEN


def uncapitalised(text: str) -> str:
    """Return a sentence as the end of another."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _shown_place(key: str) -> str:
    return key if _PLACE.fullmatch(key) else HIDDEN


def _shown(value: Any) -> str:
    """Return a value as Python writes it, "" if a part of it may be a credential."""
    if isinstance(value, str):
        return repr(value) if _HARMLESS.fullmatch(value) else ""
    if isinstance(value, (list, tuple)):
        parts = [_shown(part) for part in value]
        return f"[{', '.join(parts)}]" if all(parts) else ""
    if isinstance(value, Mapping):
        return "" if value else "{}"
    return repr(value) if isinstance(value, (bool, int, float, type(None))) else ""


def _kind(value: Any) -> str:
    kinds: dict[type, str] = {str: "text", int: "a number", float: "a number", bool: "yes or no"}
    kinds |= {list: "a list", tuple: "a list", dict: "a mapping"}
    return f"{kinds.get(type(value), 'a value')} (not shown)"


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
    if isinstance(annotation, type) and hasattr(annotation, "model_fields"):
        return {tag: annotation}
    inside = get_args(annotation)
    tags = [part.tag for part in inside if isinstance(part, Tag)]
    return {k: found for part in inside for k, found in _models_in(part, *tags).items()}
