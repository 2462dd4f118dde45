"""Counts of lines and zones from the events in JSON lines alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from detector.errors import UsageError

Counts = dict[str, dict[str, dict[str, int]]]  # shape -> what happened -> class -> times


def recount(lines: Iterable[str]) -> tuple[Counts, Counts]:
    """Return what the events of JSON lines add up to, and what the last line says.

    Raises UsageError for lines that are not those of a run with analytics.
    """
    counts: Counts = {}
    said: Counts = {}
    for number, line in enumerate(lines, 1):
        frame = _parsed(line, number)
        said = frame["counts"]
        for event in frame["events"]:
            of_shape = counts.setdefault(event["shape"], {})
            by_class = of_shape.setdefault(event["counted_as"], {})
            by_class[event["class"]] = by_class.get(event["class"], 0) + 1
    return counts, said


def _parsed(line: str, number: int) -> Any:
    try:
        frame = json.loads(line)
        return {key: frame[key] for key in ("counts", "events")}
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"line {number} has no events: the .jsonl of a run with analytics is expected"
        ) from error


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
def main(file: Path) -> None:
    """Count the events in FILE; exit code 1 if its own counts differ."""
    try:
        with file.open(encoding="utf-8") as lines:
            counts, said = recount(lines)
    except (OSError, UsageError) as error:
        click.echo(f"error: {file}: {error}", err=True)
        sys.exit(2)
    click.echo(json.dumps(counts, indent=2))
    if counts != {shape: what for shape, what in said.items() if what}:
        click.echo(f"error: {file}: its last line says {json.dumps(said)}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main(prog_name="python -m pipeline.analytics.recount")
