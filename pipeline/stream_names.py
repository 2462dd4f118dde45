"""Names of streams: the user's, or one made from the URL, and each unique in its run."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container
from itertools import chain, count
from pathlib import Path

from pipeline.checked_text import MAX_NAME, is_stream_name
from pipeline.config import SourceConfig
from pipeline.redaction import HIDDEN, shown_url
from pipeline.sources import is_glob


def free_name(source: SourceConfig, taken: Container[str]) -> str:
    """Return the stream's name, with a number where another stream has that name already."""
    wanted = source.name or _name_from(source.url)
    numbered = (f"{wanted[: MAX_NAME - 8]}-{k}" for k in count(2))
    return next(name for name in chain([wanted], numbered) if name not in taken)


def _name_from(url: str) -> str:
    """Return the last part of `url` that can name a file: no query, suffix or wildcard."""
    scheme, remote, rest = shown_url(url).rpartition("://")
    rest = re.split("[?#;]" if remote else "[?]", rest)[0].replace(HIDDEN, "")
    parts = [part for part in rest.split("/") if part and not is_glob(part)]
    is_host = bool(remote) and len(parts) == 1
    last = parts[-1] if parts else scheme
    stem = unicodedata.normalize("NFC", last if is_host else Path(last).stem)
    name = re.sub(r"[^\w.-]+", "-", stem.removesuffix(".incomplete"))[:MAX_NAME].strip("-.")
    return name if is_stream_name(name) else "stream"
