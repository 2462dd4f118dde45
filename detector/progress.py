"""Work that takes minutes says how far it is: a bar on a terminal, elsewhere lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

ProgressCallback = Callable[[float, str], None]  # told the share that is done, 0..1, and of what

QUIET_SECONDS = 5  # between two lines in a log


@contextmanager
def shown_progress() -> Iterator[ProgressCallback]:
    """Give what shows progress on the standard error stream until the block ends."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines()
        return
    columns = (TextColumn("{task.percentage:3.0f} %"), BarColumn(20), TimeElapsedColumn())
    said = TextColumn("{task.description}", markup=False)
    with Progress(*columns, said, console=console, transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda share, what: bar.update(task, completed=share, description=what)


def _lines() -> ProgressCallback:
    told_at: float | None = None

    def tell(share: float, what: str) -> None:
        nonlocal told_at
        if told_at is None or monotonic() - told_at >= QUIET_SECONDS:
            told_at = monotonic()
            click.echo(f"{share:4.0%} {what}", err=True)

    return tell
