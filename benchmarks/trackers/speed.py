"""python -m benchmarks.trackers_speed: milliseconds per picture, on one core.

All trackers get the same crowd, ten pictures at a time in turn, so that a busy machine slows all of
them alike. Time is the processor's, not the clock's, and the crowd comes several times: the least
of each picture is what other programs lengthened least; medians over the pictures. `per track` is
ByteTrack as one writes it first.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from time import process_time
from typing import Any

import click
import numpy as np

from benchmarks.trackers.crowd import crowd
from benchmarks.trackers.per_track import PerTrack
from detector.detections import Detections
from trackers import TRACKERS, make_tracker

CROWDS = ((50, 30), (400, 300))  # tracks alive, detections
SIZES = (10, 30, 100, 300, 1000)  # detections; a third more tracks are alive
RATE = 30  # pictures per second
WARM = 30  # pictures until as many tracks are alive as will be
BLOCK = 10  # pictures that a tracker gets before it is the next one's turn
RUNS = 3  # of the same crowd, by new trackers
PER_TRACK = "per track"

Update = Callable[[Detections, float], Any]
Milliseconds = Mapping[str, float]  # by tracker


def updates() -> dict[str, Update]:
    """Return what each tracker does with a picture, itself new."""
    plain = PerTrack()
    made: dict[str, Update] = {name: make_tracker(name).update for name in TRACKERS}
    made[PER_TRACK] = lambda detections, _: plain.update(detections)
    return made


def measure(alive: int, seen: int, pictures: int) -> Milliseconds:
    """Return the median over the pictures of the least time that each took in some run."""
    shown = list(crowd(alive, seen, pictures + WARM))
    runs = [run(shown) for _ in range(RUNS)]
    least = {name: np.min([spent[name][WARM:] for spent in runs], axis=0) for name in runs[0]}
    return {name: 1e3 * float(np.median(times)) for name, times in least.items()}


def run(shown: Sequence[Detections]) -> dict[str, list[float]]:
    """Return the seconds that each tracker took for each picture."""
    trackers = updates()
    spent: dict[str, list[float]] = {name: [] for name in trackers}
    for first in range(0, len(shown), BLOCK):
        for name, update in trackers.items():
            for k, detections in enumerate(shown[first : first + BLOCK], first):
                begin = process_time()
                update(detections, k / RATE)
                spent[name].append(process_time() - begin)
    return spent


def table(measured: Mapping[tuple[int, int], Milliseconds]) -> Iterator[str]:
    """Yield a line per crowd: milliseconds, and how many times slower the plain loop is."""
    names = list(next(iter(measured.values())))
    yield (
        f"{'tracks':>8}{'detections':>12}"
        + "".join(f"{n:>12}" for n in names)
        + (f"{'per track / bytetrack':>24}")
    )
    for (alive, seen), ms in measured.items():
        ratio = ms[PER_TRACK] / ms["bytetrack"]
        shown = "".join(f"{ms[n]:>12.3f}" for n in names)
        yield f"{alive:>8}{seen:>12}{shown}{ratio:>24.1f}"


@click.command()
@click.option("--pictures", type=click.IntRange(1), default=200, show_default=True)
def main(pictures: int) -> None:
    """Print milliseconds per picture for two crowds, and how they grow with the crowd."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    click.echo(f"milliseconds per picture, least of {RUNS} runs, medians of {pictures}, one core\n")
    click.echo("\n".join(table({size: measure(*size, pictures) for size in CROWDS})) + "\n")
    growing = [(4 * seen // 3, seen) for seen in SIZES]
    few = max(1, pictures // 4)
    click.echo("\n".join(table({size: measure(*size, few) for size in growing})))


if __name__ == "__main__":
    main()
