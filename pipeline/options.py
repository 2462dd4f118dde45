"""Options from a config file, checked against the constructor that they are meant for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from detector.errors import UsageError, did_you_mean


def checked_options(
    made: Callable[..., Any], options: Mapping[str, Any], where: str
) -> dict[str, Any]:
    """Return `options` converted to the types of `made`'s keyword arguments.

    where: the place in the config, for the message
    Raises UsageError: which option, what was given, what is accepted.
    """
    parameters = {
        name: parameter
        for name, parameter in inspect.signature(made).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    for name in options:
        if name not in parameters:
            raise UsageError(f"{where}: unknown option '{name}'{did_you_mean(name, parameters)}")
    hints = get_type_hints(made.__init__ if inspect.isclass(made) else made)
    return {name: _converted(value, hints[name], where, name) for name, value in options.items()}


def _converted(value: Any, accepted: Any, where: str, name: str) -> Any:
    try:
        return TypeAdapter(accepted).validate_python(value)
    except ValidationError as error:
        complaint = error.errors()[0]["msg"].lower()
        raise UsageError(f"{where}: {name}: {value!r} given: {complaint}") from error
