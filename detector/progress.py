"""Progress of work that takes minutes: a bar on a terminal, lines in a log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

ProgressCallback = Callable[[float, str], None]  # takes the share done, 0..1, and the step

QUIET_SECONDS = 5  # at least, between two lines in a log


@contextmanager
def shown_progress() -> Iterator[ProgressCallback]:
    """Yield a callback that shows progress on standard error until the block ends."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines()
        return
    columns = (TextColumn("{task.percentage:3.0f} %"), BarColumn(20), TimeElapsedColumn())
    step = TextColumn("{task.description}", markup=False)
    with Progress(*columns, step, console=console, transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda share, what: bar.update(task, completed=share, description=what)


def _lines() -> ProgressCallback:
    shown_at: float | None = None

    def show(share: float, what: str) -> None:
        nonlocal shown_at
        if shown_at is None or monotonic() - shown_at >= QUIET_SECONDS:
            shown_at = monotonic()
            click.echo(f"{share:4.0%} {what}", err=True)

    return show
