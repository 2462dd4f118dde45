"""Web pages that are given where a video is expected, such as the page of a camera."""

from __future__ import annotations

import re

HEAD_BYTES = 1024  # within which a page shows what it is
WEB_PAGE = (
    "it is a web page (text/html), not a video: give the address of the video or stream itself"
)

_PAGE = re.compile(
    rb"\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body|script|meta|title)\b", re.I | re.S
)
_MARK = b"\xef\xbb\xbf"  # of UTF-8


def is_web_page(head: bytes) -> bool:
    """Return whether a file that begins with these bytes is HTML."""
    return _PAGE.match(head.removeprefix(_MARK)[:HEAD_BYTES]) is not None
