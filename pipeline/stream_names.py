"""Names of streams: the user's, or one made from the URL, and each unique in its run."""

from __future__ import annotations

import re
from collections.abc import Container
from itertools import chain, count
from pathlib import Path

from pipeline.config import SourceConfig
from pipeline.redaction import without_password
from pipeline.sources import is_glob


def free_name(source: SourceConfig, taken: Container[str]) -> str:
    """Return the stream's name, with a number where another stream has that name already."""
    wanted = source.name or _name_from(source.url)
    candidates = chain([wanted], (f"{wanted}-{k}" for k in count(2)))
    return next(name for name in candidates if name not in taken)


def _name_from(url: str) -> str:
    """Return the last part of `url` that can name a file: no query, suffix or wildcard."""
    shown = without_password(url).partition("?")[0]
    parts = [part for part in shown.split("/") if part and not is_glob(part)]
    stem = Path(parts[-1]).stem if parts else "stream"
    return re.sub(r"[^\w.-]+", "-", stem).strip("-.") or "stream"
