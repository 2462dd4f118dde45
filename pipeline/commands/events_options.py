"""Options that the commands on events share: the folder, times, sizes, and filters."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from time import time
from typing import Any, TypeVar

import click

from pipeline.events.record import EventKind

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_SIZES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)([KMGT]?)B?", re.IGNORECASE)


class Duration(click.ParamType[float]):
    """A length of time in seconds: `90s`, `15m`, `2h`, `3d`, `1w`."""

    name = "DURATION"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return seconds."""
        seconds = _duration(str(value))
        if seconds is None:
            self.fail(f"'{value}' is no length of time: give one such as 90s, 15m, 2h, 3d or 1w")
        return seconds


class Time(click.ParamType[float]):
    """A moment: ISO 8601, in local time unless it names a zone; or a duration before now."""

    name = "TIME"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return seconds since 1970."""
        text = str(value)
        ago = _duration(text)
        if ago is not None:
            return time() - ago
        try:
            return datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text)).timestamp()
        except (ValueError, OverflowError):
            self.fail(
                f"'{value}' is no time: give one such as 2026-11-28, 2026-11-28T18:30:00, "
                "2026-11-28T18:30:00+01:00, or how long ago: 90s, 15m, 2h, 3d"
            )


class Bytes(click.ParamType[int]):
    """A size in bytes: `500M`, `20G`."""

    name = "SIZE"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return bytes."""
        found = _SIZE.fullmatch(str(value))
        if not found:
            self.fail(f"'{value}' is no size: give one such as 500M, 20G or 1.5T (bytes)")
        return round(float(found[1]) * _SIZES[found[2].upper()])


def folder_option(command: Decorated) -> Decorated:
    """Add --folder."""
    return click.option(
        "--folder",
        type=click.Path(path_type=Path),
        default=Path("runs/events"),
        show_default=True,
        help="Folder of the events, as in `events:` of the configuration.",
    )(command)


def filter_options(command: Decorated) -> Decorated:
    """Add the options whose values `event_filter` takes."""
    kinds = click.Choice([kind.value for kind in EventKind])
    options = (
        click.option(
            "--since", type=Time(), help="Events that started then or later: ISO 8601, 2h or 3d."
        ),
        click.option("--until", type=Time(), help="Events that started before then."),
        click.option("--camera", help="Name of the stream."),
        click.option("--class", "class_name", help="Class of the object, such as person."),
        click.option("--zone", help="Name of the zone or line."),
        click.option("--kind", type=kinds, help="What happened."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _duration(text: str) -> float | None:
    found = _DURATION.fullmatch(text)
    return float(found[1]) * _UNITS[found[2]] if found else None
