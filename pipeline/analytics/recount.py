"""Count the events in a JSON lines file again, and compare with the counts it states."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from detector.cli import Command
from detector.errors import FramelaneError, UsageError

Counts = dict[str, dict[str, dict[str, int]]]  # shape -> counted_as -> class -> count


def recount(lines: Iterable[str]) -> tuple[Counts, Counts]:
    """Return the counts of the events in JSON lines, and the counts that the last line states.

    Raises UsageError for lines of a run without analytics.
    """
    counts: Counts = {}
    stated: Counts = {}
    for number, line in enumerate(lines, 1):
        frame = _parsed(line, number)
        stated = frame["counts"]
        for event in frame["events"]:
            of_shape = counts.setdefault(event["shape"], {})
            by_class = of_shape.setdefault(event["counted_as"], {})
            by_class[event["class"]] = by_class.get(event["class"], 0) + 1
    return counts, stated


def _parsed(line: str, number: int) -> Any:
    try:
        frame = json.loads(line)
        return {key: frame[key] for key in ("counts", "events")}
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"line {number} has no events: the .jsonl of a run with analytics is expected"
        ) from error


@click.command(cls=Command)
@click.argument("file", type=click.Path(path_type=Path))
def main(file: Path) -> None:
    """Count the events in FILE; exit code 1 if its last line states other counts."""
    try:
        with file.open(encoding="utf-8") as lines:
            counts, stated = recount(lines)
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from error
    except UsageError as error:
        raise UsageError(f"{file}: {error}") from error
    click.echo(json.dumps(counts, indent=2))
    if counts != {shape: by_kind for shape, by_kind in stated.items() if by_kind}:
        raise FramelaneError(f"{file}: its last line states other counts: {json.dumps(stated)}")


if __name__ == "__main__":
    main(prog_name="python -m pipeline.analytics.recount")
