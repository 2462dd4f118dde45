"""`${VAR}` and `${VAR:-default}` in the text of a configuration."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from detector.errors import UsageError

_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}")
_USER = re.compile(r"://([^/?#]*)@")  # user and password, if variables hold no separators
_IN_QUERY = re.compile(r"://[^?#]*\?([^#]*&)?[^=&#]*=$")  # what stands before a value of the query
_SAFE_IN_QUERY = "!$'()*,-./:;_~"


def fill(value: Any, path: Path) -> Any:
    """Return `value` with the variables in all of its strings filled in.

    In a URL, a variable in the place of a user, a password or a value of the query is
    percent-encoded: its characters then mean nothing to the URL.

    Raises UsageError, with the file `path`, for a variable that is not set and has no default.
    """
    if isinstance(value, dict):
        return {key: fill(part, path) for key, part in value.items()}
    if isinstance(value, list):
        return [fill(part, path) for part in value]
    if isinstance(value, str):
        return _filled(value, path)
    return value


def _filled(text: str, path: Path) -> str:
    plain = _VARIABLE.sub(lambda match: "x" * len(match[0]), text)
    user = _USER.search(plain)

    def value_of(match: re.Match[str]) -> str:
        value = _value(match, path)
        if user and user.start(1) <= match.start() < user.end(1):
            return _encoded_user(value, whole=user.span(1) == match.span())
        before, after = plain[: match.start()], plain[match.end() : match.end() + 1]
        if _IN_QUERY.search(before) and after in ("", "&", "#"):
            return quote(value, safe=_SAFE_IN_QUERY)
        return value

    return _VARIABLE.sub(value_of, text)


def _encoded_user(value: str, *, whole: bool) -> str:
    """Percent-encode a user or a password; whole: it is `user:password`."""
    parts = value.split(":", 1) if whole else [value]
    return ":".join(quote(part, safe="") for part in parts)


def _value(match: re.Match[str], path: Path) -> str:
    value = os.environ.get(match["name"], match["default"])
    if value is None:
        raise UsageError(
            f"{path}: the variable {match['name']} is not set; "
            "set it, or write a default, as in ${NAME:-default}"
        )
    return value
