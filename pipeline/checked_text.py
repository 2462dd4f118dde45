"""Text that becomes part of paths, requests and log lines: names of streams, and URLs."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

MAX_NAME = 64  # characters: a file name takes 255 bytes, with a date and an ending
# With `.incomplete`, the file of one stream would have the name of another's that broke off.
_NAME = re.compile(r"\w[\w.-]*(?<![.])(?<!\.incomplete)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


EPOCH_DIGITS = 10  # seconds since 1970, until the year 2286


def filled_in(template: str, stream: str, epoch: int = 0) -> str:
    """Return the URL of an output with {stream} and {epoch} replaced.

    epoch: of a camera of a fleet, see docs/cluster.md
    """
    return template.replace("{stream}", stream).replace(
        "{epoch}", f"epoch-{epoch:0{EPOCH_DIGITS}d}"
    )


def is_stream_name(name: str) -> bool:
    """Return whether a stream may have this name.

    It stands in the paths of outputs, so it has no separator, no `..`, no directive of a template
    and no wildcard. It has no `~` either, which numbers the segments of one moment.
    """
    return len(name) <= MAX_NAME and _NAME.fullmatch(name) is not None


def _checked_name(name: str) -> str:
    composed = unicodedata.normalize("NFC", name)
    if not is_stream_name(composed):
        raise PydanticCustomError(
            "stream_name",
            "a name consists of at most 64 letters, digits, '_', '-' and '.', starts with a letter "
            "or digit, and ends neither with '.' nor with '.incomplete'",
        )
    return composed


def _checked_url(url: str) -> str:
    try:
        url.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        wrong = True
    else:
        wrong = "\0" in url or ("://" in url and _CONTROL.search(url) is not None)
    if wrong:
        raise PydanticCustomError("url", "a URL or path without control characters is expected")
    return url


StreamName = Annotated[str, AfterValidator(_checked_name)]
Url = Annotated[str, AfterValidator(_checked_url)]
