"""Half an hour in which everything goes wrong, again and again, and nothing grows."""

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
from pipeline.sinks.segments import CHECK_SECONDS
from tests.support.cameras import until
from tests.support.faults import EXISTING_STREAM
from tests.support.runs import more_of
from tests.support.site import Site

CAMERAS = ["cam-1", "cam-2", "cam-3", "cam-4"]
LASTS = 2.0, 12.0  # seconds that a fault lasts,
CALM = 2.0, 8.0  # and that pass until the next
QUIET_SECONDS = 60.0  # in which no line is repeated


@click.command()
@click.option("--minutes", type=click.FloatRange(0.5), default=30.0, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the faults.")
@model_options
def soak(minutes: float, seed: int, model: str, engine: str) -> None:
    """Four cameras and random faults: memory, threads, descriptors, ledger, log."""
    with (
        Lines() as lines,
        site(CAMERAS) as place,
        running_live(configuration(place.urls, model, engine, place.outputs())) as run,
    ):
        watch, watchdog = Watch(run), Watchdog(run.pipeline, lambda: run.streams)
        fate = _fate(place, Random(seed))
        acts_at = 0.0
        for seconds in watch.looks(minutes * 60, window_seconds(minutes)):
            watchdog.look()
            if seconds >= acts_at:
                acts_at = seconds + next(fate)
        fate.close()
        _until_calm(run)
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


def _fate(place: Site, random: Random) -> Generator[float, None, None]:
    """Let one fault after the other begin and end; yield the seconds until the next change."""
    yield random.uniform(*CALM)
    while True:
        name, camera = random.choice(list(EXISTING_STREAM)), random.choice(CAMERAS)
        click.echo(f"{camera}: {name}")
        with EXISTING_STREAM[name](place, camera):
            yield random.uniform(*LASTS)
        yield random.uniform(*CALM)


def _until_calm(run: Run) -> None:
    """Wait until every camera and every receiver is there again, and the disk is recorded to."""
    more_of(run, *CAMERAS)
    sinks = [output.sink for stream in run.streams for output in stream.outputs]
    for sink in sinks:
        if (status := sink.status) is not None:
            until(lambda status=status: status.state is State.LIVE)  # type: ignore[misc]
    Event().wait(2 * CHECK_SECONDS)


def _readable(lines: Lines) -> Claim:
    """Claim that no line of a stream came twice within a minute."""
    repeated = {
        line: count
        for line, times in lines.written.items()
        if (count := sum(b - a < QUIET_SECONDS for a, b in pairwise(times)))
    }
    total = sum(map(len, lines.written.values()))
    words = f"{total} lines, {len(lines.written)} kinds {repeated or ''}"
    return Claim("no line of the log is repeated within a minute", words, not repeated)
