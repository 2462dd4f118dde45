"""Options as they come from a file or a command line, checked against the tracker they are for."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import NoneType
from typing import Any, get_args, get_type_hints

from detector.errors import UsageError, did_you_mean

KINDS: dict[type, str] = {  # options are plain values, of one of these or of several: `int | None`
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    NoneType: "null",
}


def check_options(name: str, made: type[Any], options: Mapping[str, Any]) -> None:
    """Raise UsageError unless `options` are arguments of the class `made`, of the kinds it names.

    name: of what is made, for the message
    """
    parameters = inspect.signature(made).parameters
    hints = get_type_hints(made.__init__)
    for option, value in options.items():
        if option not in parameters:
            raise UsageError(f"{name} has no option '{option}'{did_you_mean(option, parameters)}")
        kinds = get_args(hints[option]) or (hints[option],)
        whole = type(value) is int and float in kinds
        if type(value) not in kinds and not whole:
            expected = " or ".join(KINDS[kind] for kind in kinds)
            raise UsageError(f"{name} option {option}={value!r}: {expected} is expected")
