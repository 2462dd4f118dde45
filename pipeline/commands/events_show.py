"""framelane events show."""

from __future__ import annotations

from pathlib import Path

import click

from detector.cli import Command
from pipeline.commands.events_options import folder_option


@click.command(cls=Command)
@click.argument("uuid")
@folder_option
def show(uuid: str, folder: Path) -> None:
    """Print all that is known of one event.

    UUID: of the event; its beginning is enough if no other event has the same.
    """
    from contextlib import closing

    from pipeline.commands.events_text import event_lines
    from pipeline.store.queries import EventReader

    with closing(EventReader(folder)) as reader:
        for line in event_lines(reader.find(uuid)):
            click.echo(line)
