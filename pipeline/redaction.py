"""Removal of the credentials in URLs; the only place that knows where a URL holds them."""

from __future__ import annotations

import re

# `user:password@`; the password may contain a slash if `user:password` cannot be `host:port`
_USER = re.compile(r"(?<=://)(?:[^/?#]*@|[^/?#@:]+:(?!\d+(?:[/?#]|$))[^@]*@)")
_QUERY = re.compile(
    r"([?&][^=&#]*(?:user|account|pass|pwd|token|secret|key|auth|sig)[^=&#]*=)[^&#]*", re.IGNORECASE
)


def without_password(url: str) -> str:
    """Return `url` without user name and password, and with *** for secrets in the query."""
    return _QUERY.sub(r"\1***", _USER.sub("", url))
