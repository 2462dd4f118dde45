"""A run over a library from its start to its summary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import click

from detector.terminal import printable, unfailing_output
from pipeline.config import RunConfig
from pipeline.library.console import ProgressDisplay
from pipeline.library.executor import Executor
from pipeline.library.manifest import FILE, LibraryManifest
from pipeline.library.plan import Plan
from pipeline.library.recordings import find_recordings
from pipeline.library.schedule import Schedule
from pipeline.library.summary import exit_code, summary, write_report
from pipeline.monitor.signals import Interrupt

REPORT = "report.html"  # beside the manifest


def annotate(
    config: RunConfig,
    words: Sequence[str],
    open_executor: Callable[[int], Executor],
    *,
    manifest_path: Path | None = None,
    retry_failed: bool = False,
) -> int:
    """Annotate all recordings that `words` name, print the summary, and return the exit code.

    config: as for `framelane run`, with one source, whose URL does not matter
    open_executor: called with the number of recordings that are not done yet, if there are any
    manifest_path: default: in the folder that all outputs have in common
    retry_failed: try again what failed or was set aside in an earlier run
    Raises UsageError for every mistake that shows before anything starts, FramelaneError if the run
    cannot go on.
    """
    found = find_recordings(words)
    plan = Plan(config, found.recordings)
    for warning in found.warnings:
        click.echo(f"Warning: {printable(warning)}", err=True)
    path = manifest_path or plan.folder / FILE
    with closing(LibraryManifest(path)) as manifest, unfailing_output():
        schedule = Schedule(plan, manifest, open_executor, retry_failed=retry_failed)
        with Interrupt(schedule) as interrupt, ProgressDisplay(schedule.tally) as display:

            def look() -> None:
                interrupt.obey()
                display.look()

            try:
                schedule.run(look)
            finally:
                display.show_trouble()
        click.echo(summary(schedule.tally, display.seconds))
        report = path.parent / REPORT
        write_report(report, schedule.tally, display.seconds)
        click.echo(f"report: {printable(str(report))}")
    return exit_code(schedule.tally, cancelled=schedule.cancelled)
