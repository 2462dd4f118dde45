"""framelane events rebuild."""

from __future__ import annotations

from pathlib import Path

import click

from detector.cli import Command
from pipeline.commands.events_options import folder_option


@click.command(cls=Command)
@folder_option
def rebuild(folder: Path) -> None:
    """Make a lost or damaged store anew, while no run uses it.

    Keeps what can still be read of the old store, and adds the events in the JSON files beside the
    clips. The old store is not deleted but renamed.

    Exit code 1 if a JSON file could not be read.
    """
    from detector.terminal import printable_lines
    from pipeline.store.database import FILE
    from pipeline.store.rebuild import rebuild as make_anew

    done = make_anew(folder)
    click.echo(f"{folder / FILE} has {done.kept + done.found} events:")
    click.echo(f"  {done.kept} from the old store, {done.found} from files beside clips")
    if done.old:
        click.echo(f"  the old store is now {done.old}")
    for path, reason in done.unreadable:
        click.echo(printable_lines(f"{path} was left out: {reason}"), err=True)
    if done.unreadable:
        raise SystemExit(1)
