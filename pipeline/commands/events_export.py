"""framelane events export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from detector.cli import Command
from pipeline.commands.events_options import filter_options, folder_option

FORMATS = ("csv", "json")


@click.command(cls=Command)
@folder_option
@filter_options
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="csv: a table; json: an array of objects.  [default: by the ending of --output, else csv]",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="File to write, which appears when it is complete.  [default: standard output]",
)
def export(folder: Path, form: str | None, output: Path | None, **filters: Any) -> None:
    """Write events as CSV or JSON, the oldest first.

    Times are in UTC. docs/events.md describes the columns and keys.
    """
    from contextlib import closing

    from pipeline.commands.events_filter import event_filter
    from pipeline.events.export import write_events
    from pipeline.store.queries import EventReader

    ending = output.suffix.lower().removeprefix(".") if output else ""
    form = form or (ending if ending in FORMATS else "csv")
    with closing(EventReader(folder)) as reader:
        write_events(reader.all(event_filter(**filters)), form, output)
