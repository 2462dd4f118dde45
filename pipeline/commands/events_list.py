"""framelane events list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from detector.cli import Command
from pipeline.commands.events_options import filter_options, folder_option


@click.command("list", cls=Command)
@folder_option
@filter_options
@click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help="Events at most."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def list_(folder: Path, limit: int, as_json: bool, **filters: Any) -> None:
    """List events, the newest first.

    Times are in local time. `framelane events show` takes the UUIDs as they are printed here.
    """
    from contextlib import closing

    from pipeline.commands.events_filter import event_filter
    from pipeline.commands.events_text import event_table
    from pipeline.events.payload import as_text, event_json
    from pipeline.store.queries import EventReader

    wanted = event_filter(**filters)
    with closing(EventReader(folder)) as reader:
        page = reader.page(wanted, limit)
        if as_json:
            for event in page.events:
                click.echo(as_text(event_json(event)))
            return
        if not page.events:
            click.echo("no events", err=True)
            return
        for line in event_table(page.events):
            click.echo(line)
        if page.next:
            click.echo(f"{limit} of {reader.count(wanted)} events; --limit shows more", err=True)
