"""python -m benchmarks.trackers.speed: milliseconds per frame, on one core.

All trackers get the same crowd and take turns, ten frames at a time, so a busy machine slows all of
them alike. CPU time is measured, in several runs: of each frame the fastest run counts, which other
programs disturbed least. The figure is the median over the frames. `per track` is ByteTrack written
the straightforward way.
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
RATE = 30  # frames per second
WARM_UP = 30  # frames until the number of tracks is stable
BLOCK = 10  # frames of one turn of a tracker
RUNS = 3  # with the same crowd and new trackers
PER_TRACK = "per track"

Update = Callable[[Detections, float], Any]
Milliseconds = Mapping[str, float]  # by tracker


def updates() -> dict[str, Update]:
    """Return the update function of a new tracker of each kind."""
    per_track = PerTrack()
    made: dict[str, Update] = {name: make_tracker(name).update for name in TRACKERS}
    made[PER_TRACK] = lambda detections, _: per_track.update(detections)
    return made


def measure(alive: int, seen: int, frames: int) -> Milliseconds:
    """Return the median over the frames of the fastest run of each."""
    crowd_frames = list(crowd(alive, seen, frames + WARM_UP))
    runs = [run(crowd_frames) for _ in range(RUNS)]
    fastest = {name: np.min([spent[name][WARM_UP:] for spent in runs], axis=0) for name in runs[0]}
    return {name: 1e3 * float(np.median(times)) for name, times in fastest.items()}


def run(crowd_frames: Sequence[Detections]) -> dict[str, list[float]]:
    """Return the seconds that each tracker took for each frame."""
    trackers = updates()
    spent: dict[str, list[float]] = {name: [] for name in trackers}
    for first in range(0, len(crowd_frames), BLOCK):
        for name, update in trackers.items():
            for k, detections in enumerate(crowd_frames[first : first + BLOCK], first):
                start = process_time()
                update(detections, k / RATE)
                spent[name].append(process_time() - start)
    return spent


def table(measured: Mapping[tuple[int, int], Milliseconds]) -> Iterator[str]:
    """Yield a line per crowd: milliseconds, and how many times slower `per track` is."""
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
@click.option("--frames", type=click.IntRange(1), default=200, show_default=True)
def main(frames: int) -> None:
    """Print milliseconds per frame for two crowds, and for crowds of growing size."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    click.echo(f"milliseconds per frame, fastest of {RUNS} runs, medians of {frames}, one core\n")
    click.echo("\n".join(table({size: measure(*size, frames) for size in CROWDS})) + "\n")
    growing = [(4 * seen // 3, seen) for seen in SIZES]
    few = max(1, frames // 4)
    click.echo("\n".join(table({size: measure(*size, few) for size in growing})))


if __name__ == "__main__":
    main()
