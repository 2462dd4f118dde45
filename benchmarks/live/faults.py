"""Faults of one stream, and their effect on the latency of the others."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import click

from benchmarks.live.figures import Claim, judge
from benchmarks.live.site import configuration, model_options, running_live, site
from benchmarks.live.watch import Watch, exact_ledger
from pipeline.run import Run
from tests.support.cameras import FPS
from tests.support.faults import FAULTS, Fault
from tests.support.runs import more_of, reported
from tests.support.site import Site

VICTIM, OTHERS = "cam-1", ("cam-2", "cam-3", "cam-4")


@click.command()
@click.option("--seconds", type=click.FloatRange(5), default=30.0, show_default=True, help="Each.")
@click.option(
    "--only",
    type=click.Choice(list(FAULTS)),
    multiple=True,
    help="Only this fault; may be repeated.",
)
@model_options
def faults(seconds: float, only: tuple[str, ...], model: str, engine: str) -> None:
    """One camera of four has each fault in turn: the p95 of the others before and during it."""
    chosen = {name: fault for name, fault in FAULTS.items() if not only or name in only}
    with (
        site([VICTIM, *OTHERS]) as place,
        running_live(configuration(place.urls, model, engine, place.outputs())) as run,
    ):
        place.run = run
        click.echo(f"{'fault':<34}{'p95 ms before':>15}{'meanwhile':>11}  the report says")
        claims = [_claim(place, run, name, chosen[name], seconds) for name in chosen]
    sys.exit(judge([*claims, exact_ledger(run)]))


def _claim(place: Site, run: Run, name: str, fault: Fault, seconds: float) -> Claim:
    """Cause the fault, and claim that the others' p95 changes by less than a frame interval."""
    before = _tails(run, seconds)
    known = {each.name: reported(run, each.name) for each in run.streams}
    with fault(place, VICTIM) as stream:
        meanwhile = _tails(run, seconds)
        words = reported(run, stream) - known.get(stream, set())
    more_of(run, VICTIM, *OTHERS)
    moved = {each: abs(meanwhile[each] - before[each]) for each in OTHERS}
    worst = max(OTHERS, key=moved.__getitem__)
    told = "; ".join(sorted(words)) or "nothing"
    click.echo(f"{name:<34}{before[worst] * 1e3:>15.0f}{meanwhile[worst] * 1e3:>11.0f}  {told}")
    return Claim(name, f"{moved[worst] * 1e3:.0f} ms, {told}", moved[worst] < 1 / FPS)


def _tails(run: Run, seconds: float) -> Mapping[str, float]:
    """Return p95 of the next seconds, by stream."""
    watch = Watch(run)
    for _ in watch.looks(seconds, seconds):
        pass
    return {name: latency.percentile(95) for name, latency in watch.windows[0].items()}
