"""Options from a configuration, checked against the constructor that takes them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from detector.errors import UsageError, did_you_mean
from detector.renamed import with_new_names
from detector.settings.complaints import given, shown_key, uncapitalised

RENAMED = {"longest_retry_seconds": "max_retry_seconds"}  # old name -> new name


def checked_options(
    made: Callable[..., Any],
    options: Mapping[str, Any],
    where: str,
    also: Iterable[str] = (),
) -> dict[str, Any]:
    """Return `options` under their present names, converted to the types of `made`'s arguments.

    where: the place in the configuration, for the message
    also: other keys of that place, which the message names as well
    Raises UsageError: which option, what was given, what is accepted.
    """
    accepted = option_names(made)
    renamed = {old: new for old, new in RENAMED.items() if new in accepted}
    current = with_new_names(options, renamed, where)
    for name in current:
        if name not in accepted:
            hint = did_you_mean(name, {*accepted, *also})
            raise UsageError(f"{where}: unknown option '{shown_key(name)}'{hint}")
    hints = get_type_hints(made.__init__ if inspect.isclass(made) else made, include_extras=True)
    return {name: _converted(value, hints[name], where, name) for name, value in current.items()}


def option_names(made: Callable[..., Any]) -> list[str]:
    """Return the names of the keyword-only arguments of a constructor, which are its options."""
    parameters = inspect.signature(made).parameters.values()
    return [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]


def _converted(value: Any, accepted: Any, where: str, name: str) -> Any:
    try:
        return TypeAdapter(accepted).validate_python(value)
    except ValidationError as error:
        complaint = uncapitalised(error.errors()[0]["msg"])
        # not chained: the error quotes the value
        raise UsageError(f"{where}: {name}: {given(value, [name])}: {complaint}") from None
