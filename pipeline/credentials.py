"""User and password of a URL: put into it, and told apart from the rest of it."""

from __future__ import annotations

import re
from urllib.parse import quote

from pydantic_core import PydanticCustomError

from pipeline.redaction import HOST

_REMOTE = re.compile(r"((?:[A-Za-z][A-Za-z0-9+.-]*:)+//)([^/?#]*)(.*)", re.DOTALL)
_LOCAL = "file://"
MAX_PORT = 65535


def with_credentials(url: str, user: str | None, password: str | None) -> str:
    """Return `url` with a user and a password, percent-encoded; both None: as it is.

    Raises PydanticCustomError if there is no place for them, or they are there already.
    """
    if user is None and password is None:
        return url
    if user is None:
        raise PydanticCustomError("user", "a password without a user: give 'user' as well")
    parts = _REMOTE.fullmatch(url)
    if not parts or parts[1].lower().endswith(_LOCAL):
        raise PydanticCustomError("user", "user and password belong to a URL such as rtsp://HOST")
    scheme, host, rest = parts.groups()
    if "@" in host:
        raise PydanticCustomError("user", "user and password are given twice: in the URL, and here")
    both = quote(user, safe="") + ("" if password is None else ":" + quote(password, safe=""))
    return f"{scheme}{both}@{host}{rest}"


def checked_host(url: str) -> str:
    """Return `url` if its host can be told from its user and password; else say how to write it.

    Raises PydanticCustomError.
    """
    parts = _REMOTE.fullmatch(url)
    if not parts or parts[1].lower().endswith(_LOCAL):
        return url
    host = parts[2].rpartition("@")[2]
    match = HOST.fullmatch(host)
    if match and int((match[2] or ":0")[1:]) <= MAX_PORT:
        return url
    if "@" in parts[2] + parts[3]:
        raise PydanticCustomError(
            "host",
            "user and password must be percent-encoded (/ as %2F, @ as %40, : as %3A, # as %23, "
            "? as %3F), or given by 'user' and 'password' beside 'url' in a configuration file",
        )
    raise PydanticCustomError("host", "SCHEME://HOST or SCHEME://HOST:PORT is expected")
