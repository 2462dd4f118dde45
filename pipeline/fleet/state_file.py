"""What a coordinator has decided, on disk before any node hears of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from detector.atomic_write import replacing
from detector.errors import FramelaneError, UsageError

NAME = "state.json"
VERSION = 1


def read_state(folder: Path) -> dict[str, Any] | None:
    """Return the state in a folder, None if there is none. Raises UsageError if it is damaged."""
    path = folder / NAME
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path}: cannot be read ({error}): remove it, then the nodes are asked what they run"
        ) from error
    if not isinstance(content, dict) or content.get("version") != VERSION:
        raise UsageError(
            f"{path}: not written by this version: remove it, then the nodes are asked what they "
            "run"
        )
    return content


def write_state(folder: Path, content: Mapping[str, Any]) -> None:
    """Replace the state in a folder; when this returns, it is on the disk. It holds no secrets.

    Raises FramelaneError.
    """
    try:
        with replacing(folder / NAME) as path:
            path.write_text(json.dumps({"version": VERSION, **content}, indent=1) + "\n")
    except OSError as error:
        raise FramelaneError(
            f"{folder / NAME}: cannot be written: {error.strerror}: nothing is decided without it; "
            "cameras that run go on"
        ) from error
