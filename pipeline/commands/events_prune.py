"""framelane events prune."""

from __future__ import annotations

from pathlib import Path

import click

from detector.cli import Command
from detector.errors import UsageError
from pipeline.commands.events_options import Bytes, Duration, folder_option


@click.command(cls=Command)
@folder_option
@click.option(
    "--older-than",
    type=Duration(),
    help="Delete events that ended, and were noted, so long ago: 30d.",
)
@click.option(
    "--keep-bytes",
    type=Bytes(),
    help="Delete the oldest events until all clips and snapshots together fit in this: 20G.",
)
def prune(folder: Path, older_than: float | None, keep_bytes: int | None) -> None:
    """Delete old events with their clips and snapshots.

    A run that uses the same folder is not stopped. Events that go on are kept.
    """
    from pipeline.commands.events_text import size
    from pipeline.store.database import open_to_read
    from pipeline.store.prune import prune as delete

    if older_than is None and keep_bytes is None:
        raise UsageError("nothing to delete: give --older-than, --keep-bytes, or both")
    open_to_read(folder).close()  # which says what is wrong with another folder
    done = delete(folder, older_than, keep_bytes)
    click.echo(
        f"deleted {done.events} events, {done.clips} clips and {done.snapshots} snapshots "
        f"({size(done.bytes)})"
    )
