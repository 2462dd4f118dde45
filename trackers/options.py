"""Options from a file or a command line, checked against the constructor of the tracker."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import NoneType
from typing import Any, get_args, get_type_hints

from detector.errors import UsageError, did_you_mean
from detector.renamed import with_new_names

RENAMED = {  # old name -> new name; the old ones work until the next release
    "least_iou": "min_iou",
    "least_score": "min_score",
    "weak_match_cost": "low_score_match_cost",
}
TYPE_NAMES: dict[type, str] = {  # an option has one of these types, or several: `int | None`
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    NoneType: "null",
}


def checked_options(name: str, made: type[Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return `options` under their current names, checked against the constructor of `made`.

    name: of the tracker, for messages
    Raises UsageError for an option or a type that the constructor does not declare.
    """
    parameters = inspect.signature(made).parameters
    renamed = {old: new for old, new in RENAMED.items() if new in parameters}
    current = with_new_names(options, renamed, "tracker")
    hints = get_type_hints(made.__init__)
    for option, value in current.items():
        if option not in parameters:
            raise UsageError(f"{name} has no option '{option}'{did_you_mean(option, parameters)}")
        types = get_args(hints[option]) or (hints[option],)
        is_number = type(value) is int and float in types
        if type(value) not in types and not is_number:
            expected = " or ".join(TYPE_NAMES[accepted] for accepted in types)
            raise UsageError(f"{name} option {option}={value!r}: {expected} is expected")
    return current
