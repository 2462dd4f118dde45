"""Cameras that the machine can process: nothing is lost, and latency has no trend."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from benchmarks.live.figures import Claim, judge
from benchmarks.live.site import model_options, rack
from benchmarks.live.watch import (
    Watch,
    Window,
    exact_ledger,
    flat_memory,
    no_growth,
    show,
    window_seconds,
)
from tests.support.cameras import FPS
from tests.support.runs import status


@click.command()
@click.option("--minutes", type=click.FloatRange(0.2), default=10.0, show_default=True)
@click.option("--cameras", type=click.IntRange(1), default=4, show_default=True)
@model_options
def steady(minutes: float, cameras: int, model: str, engine: str) -> None:
    """Run cameras of 25 frames per second: LIVE throughout, p99 without a trend."""
    with rack(cameras, model, engine) as run:
        watch = Watch(run)
        for _ in watch.looks(minutes * 60, window_seconds(minutes)):
            pass
        connections = {each.name: status(run, each.name).snapshot() for each in run.streams}
    show(watch, run)
    sys.exit(
        judge(
            [
                _live_throughout(connections),
                exact_ledger(run),
                no_growth(watch.windows),
                _even(watch.windows),
                flat_memory(watch.samples),
            ]
        )
    )


def _live_throughout(connections: Mapping[str, Any]) -> Claim:
    interrupted = {
        name: f"{each['connections']} connections, {each['stalls']} stalls, {each['causes']}"
        for name, each in connections.items()
        if each["connections"] != 1 or each["stalls"] or each["causes"]
    }
    words = f"{len(connections) - len(interrupted)} of {len(connections)} {interrupted or ''}"
    return Claim("every stream LIVE throughout", words, not interrupted)


def _even(windows: Sequence[Window]) -> Claim:
    """Claim that the p99 of a stream varies by less than a frame interval between windows."""
    tails = {name: [window[name].percentile(99) for window in windows] for name in windows[0]}
    apart = max(max(seconds) - min(seconds) for seconds in tails.values())
    words = f"no window's p99 above the best by {1e3 / FPS:.0f} ms or more"
    return Claim(words, f"{apart * 1e3:.0f} ms", apart < 1 / FPS)
