"""Streams that are added and removed beside one that stays: nothing is left of them."""

from __future__ import annotations

import sys
from time import monotonic

import click

from benchmarks.live.figures import Claim, judge
from benchmarks.live.site import configuration, model_options, running_live, street
from benchmarks.live.watch import exact_ledger, flat_memory, sample
from pipeline.config import SourceConfig
from tests.support.cameras import Server
from tests.support.runs import left_behind, more_of

WARM_UP = 0.75  # share of the run until the heaps of the threads are full


@click.command()
@click.option("--times", type=click.IntRange(2), default=400, show_default=True)
@model_options
def streams(times: int, model: str, engine: str) -> None:
    """Add a camera to a run and remove it again, hundreds of times."""
    began_at, samples = monotonic(), []
    with (
        Server({name: {"clip": street()} for name in ("stays", "guest")}) as server,
        running_live(configuration({"stays": server.url("stays")}, model, engine)) as run,
    ):
        before: dict[str, object] = {}
        for _ in range(times):
            guest = run.add(SourceConfig(url=server.url("guest"), name="guest"))
            more_of(run, guest, frames=5)
            run.remove(guest)
            before = before or left_behind(run)  # the first one loads what stays loaded
            samples.append(sample(monotonic() - began_at))
        after = left_behind(run)
    words = f"{before['threads']} threads, {before['descriptors']} descriptors before and after"
    grown = {name: (before[name], after[name]) for name in after if after[name] != before[name]}
    left = Claim(f"nothing is left of {times} streams", str(grown or words), not grown)
    sys.exit(judge([left, flat_memory(samples, warm_up=WARM_UP), exact_ledger(run)]))
