"""What must never be shown: the credentials in a URL. The one place that knows where they stand."""

from __future__ import annotations

import re

# `user:password@`; a password with a slash in it ends at the last @ of what cannot be host:port
_USER = re.compile(r"(?<=://)(?:[^/?#]*@|[^/?#@:]+:(?!\d+(?:[/?#]|$))[^@]*@)")
_QUERY = re.compile(
    r"([?&][^=&#]*(?:user|account|pass|pwd|token|secret|key|auth|sig)[^=&#]*=)[^&#]*", re.IGNORECASE
)


def without_password(url: str) -> str:
    """Return `url` as it may be shown: no user name, no password, no key in the query."""
    return _QUERY.sub(r"\1***", _USER.sub("", url))
