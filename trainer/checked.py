"""What a recipe says of data and augmentation, checked: one line about the first mistake."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from detector.errors import UsageError

T = TypeVar("T")


def checked(kind: TypeAdapter[T], given: Any, where: str) -> T:
    """Return `given` as `kind`, or raise UsageError: the key, what was given, what is accepted."""
    try:
        return kind.validate_python(given)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join([where, *map(str, first["loc"])])
        if first["type"] == "extra_forbidden":
            raise UsageError(f"{key}: unknown key; correct or remove it") from error
        raise UsageError(f"{key}: {first['input']!r} given: {first['msg']}") from error
