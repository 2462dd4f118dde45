"""Files that come with the package: configurations, networks, models, sample images."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def configs(*parts: str) -> Path:
    """Return a file or folder of the shipped configurations, such as `networks`."""
    return Path(str(files("framelane_configs"))).joinpath(*parts)


def models(*parts: str) -> Path:
    """Return a file or folder of the shipped models, such as `street`."""
    return Path(str(files("framelane_models"))).joinpath(*parts)
