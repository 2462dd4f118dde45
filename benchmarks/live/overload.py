"""More cameras than the machine can process: latency stays bounded, and nothing grows."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from math import ceil

import click

from benchmarks.live.figures import Claim, judge
from benchmarks.live.site import model_options, rack
from benchmarks.live.watch import (
    Watch,
    Window,
    exact_ledger,
    flat_memory,
    frames,
    no_growth,
    show,
    window_seconds,
)
from tests.support.cameras import FPS

TIMES = 3  # wanted input, as a multiple of what the machine can process
TRIED = 4  # the same in the trial: the speed of a shared machine changes by a third meanwhile
FIRST, TRIAL_SECONDS = 8, 10.0  # cameras in the first trial; length of each trial


@click.command()
@click.option("--minutes", type=click.FloatRange(0.2), default=10.0, show_default=True)
@click.option("--max-age", type=float, default=0.5, show_default=True, help="Seconds.")
@model_options
def overload(minutes: float, max_age: float, model: str, engine: str) -> None:
    """Run three times the cameras that the machine can process: p99 bounded, memory flat."""
    cameras = _camera_count(max_age, model, engine)
    with rack(cameras, model, engine, max_age=max_age) as run:
        watch = Watch(run)
        for _ in watch.looks(minutes * 60, window_seconds(minutes)):
            pass
    show(watch, run)
    fps = frames(watch.windows) / watch.seconds
    sys.exit(
        judge(
            [
                _overloaded(cameras * FPS, fps),
                _bounded(watch.windows, max_age, 1 / fps),
                no_growth(watch.windows),
                flat_memory(watch.samples),
                exact_ledger(run),
            ]
        )
    )


def _camera_count(max_age: float, model: str, engine: str) -> int:
    """Return how many cameras send `TRIED` times the frames that the machine processes.

    Found by trials: with more cameras it processes fewer frames, since it decodes more.
    """
    cameras = FIRST
    while (asked := TRIED * _fps_of(cameras, max_age, model, engine) / FPS) > cameras:
        cameras = ceil(asked)
    return cameras


def _fps_of(cameras: int, max_age: float, model: str, engine: str) -> float:
    """Return the frames per second that are emitted in a short run of `cameras`."""
    with rack(cameras, model, engine, max_age=max_age) as run:
        watch = Watch(run)
        for _ in watch.looks(TRIAL_SECONDS, TRIAL_SECONDS):
            pass
    return frames(watch.windows) / watch.seconds


def _overloaded(sent: float, done: float) -> Claim:
    words = f"{sent:.0f} frames per second sent, {done:.1f} processed: {sent / done:.1f} times"
    return Claim(
        f"input is at least {TIMES} times what the machine processes", words, sent >= TIMES * done
    )


def _bounded(windows: Sequence[Window], max_age: float, service: float) -> Claim:
    """Claim that no frame is older than `max_age` plus the time to process two frames."""
    worst = max(latency.percentile(99) for window in windows for latency in window.values())
    bound = max_age + 2 * service
    words = f"{worst * 1e3:.0f} ms in the worst window of any stream"
    return Claim(
        f"p99 at most max_age + 2 x {service * 1e3:.0f} ms of service", words, worst <= bound
    )
