"""Half an hour of random faults, in which nothing grows."""

from __future__ import annotations

import sys
from collections.abc import Generator
from itertools import pairwise
from random import Random
from threading import Event

import click

from benchmarks.live.figures import Claim, judge
from benchmarks.live.site import configuration, model_options, running_live, site
from benchmarks.live.watch import (
    Lines,
    Watch,
    exact_ledger,
    flat_memory,
    nothing_left,
    sample,
    show,
    window_seconds,
)
from pipeline.connections.status import State
from pipeline.monitor.watchdog import Watchdog
from pipeline.run import Run
from pipeline.sinks.standstill import CHECK_SECONDS
from tests.support.cameras import until
from tests.support.faults import EXISTING_STREAM
from tests.support.runs import more_of
from tests.support.site import Site

CAMERAS = ["cam-1", "cam-2", "cam-3", "cam-4"]
FAULT_SECONDS = 2.0, 12.0  # range of the length of a fault,
PAUSE_SECONDS = 2.0, 8.0  # and of the pause until the next
QUIET_SECONDS = 60.0  # within which no line is repeated


@click.command()
@click.option("--minutes", type=click.FloatRange(0.5), default=30.0, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True, help="Random seed of the faults.")
@model_options
def soak(minutes: float, seed: int, model: str, engine: str) -> None:
    """Run four cameras with random faults: memory, threads, descriptors, ledger, log."""
    with (
        Lines() as lines,
        site(CAMERAS) as place,
        running_live(configuration(place.urls, model, engine, place.outputs())) as run,
    ):
        watch, watchdog = Watch(run), Watchdog(run.pipeline, lambda: run.streams)
        changes = _faults(place, Random(seed))
        change_at = 0.0
        for seconds in watch.looks(minutes * 60, window_seconds(minutes)):
            watchdog.look()
            if seconds >= change_at:
                change_at = seconds + next(changes)
        changes.close()
        _until_recovered(run)
        last = sample()
    show(watch, run)
    sys.exit(
        judge(
            [
                nothing_left(watch.samples[0], last),
                flat_memory(watch.samples),
                exact_ledger(run),
                _readable(lines),
            ]
        )
    )


def _faults(place: Site, random: Random) -> Generator[float, None, None]:
    """Start and end one fault after the other; yield the seconds until the next change."""
    yield random.uniform(*PAUSE_SECONDS)
    while True:
        name, camera = random.choice(list(EXISTING_STREAM)), random.choice(CAMERAS)
        click.echo(f"{camera}: {name}")
        with EXISTING_STREAM[name](place, camera):
            yield random.uniform(*FAULT_SECONDS)
        yield random.uniform(*PAUSE_SECONDS)


def _until_recovered(run: Run) -> None:
    """Wait until every camera and receiver is LIVE again, and recording goes on."""
    more_of(run, *CAMERAS)
    sinks = [output.sink for stream in run.streams for output in stream.outputs]
    for sink in sinks:
        if (status := sink.status) is not None:
            until(lambda status=status: status.state is State.LIVE)  # type: ignore[misc]
    Event().wait(2 * CHECK_SECONDS)


def _readable(lines: Lines) -> Claim:
    """Claim that no log line of a stream was repeated within a minute."""
    repeated = {
        line: count
        for line, times in lines.written.items()
        if (count := sum(b - a < QUIET_SECONDS for a, b in pairwise(times)))
    }
    total = sum(map(len, lines.written.values()))
    words = f"{total} lines, {len(lines.written)} kinds {repeated or ''}"
    return Claim("no line of the log is repeated within a minute", words, not repeated)
