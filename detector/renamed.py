"""Old names that still work for one release, and the warning that says the new one."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TypeVar

from detector.errors import UsageError

Value = TypeVar("Value")


class RenamedWarning(FutureWarning):
    """An old name was used: what it is called now."""


def warn_renamed(old: str, new: str) -> None:
    """Say that `old` is called `new` now, and that the old name goes with the next release."""
    warnings.warn(
        f"{old} is called {new} now; the old name works until the next release",
        RenamedWarning,
        stacklevel=3,
    )


def with_new_names(
    options: Mapping[str, Value], renamed: Mapping[str, str], where: str
) -> dict[str, Value]:
    """Return `options` under their new names, with a warning for each old one.

    renamed: old name -> new name
    where: the place in the configuration, for the message
    Raises UsageError if an option is given under both names.
    """
    current: dict[str, Value] = {}
    for name, value in options.items():
        new = renamed.get(name, name)
        if new != name:
            warn_renamed(f"{where}: {name}", new)
            if new in options:
                raise UsageError(f"{where}: {name} and {new} are one option: give {new} only")
        current[new] = value
    return current
