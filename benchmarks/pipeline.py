"""python -m benchmarks.pipeline: the whole against its parts, and against a plain loop.

The machine may be shared, and slower at one moment than at another. So every part is measured in
every round, ratios are formed within a round, and the table gives the medians over the rounds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import click

from benchmarks.material import ROOT, find_clip, find_model
from benchmarks.parts import BOXES, PARTS, Speed, Task

ALONE = ("decode", "engine", "encode")
Round = dict[str, Speed]


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def bound(speeds: Round) -> float:
    """Return the frames per second at which the three parts alone fill all cores."""
    return 1e3 * cores() / sum(speeds[name].cpu_ms for name in ALONE)


def busy(speeds: Round) -> float:
    """Return the share of all cores that the whole was given and used."""
    return speeds["whole"].fps * speeds["whole"].cpu_ms / 1e3 / cores()


def overhead(speeds: Round) -> float:
    """Return the CPU time of the whole, of its three parts' together."""
    return speeds["whole"].cpu_ms / sum(speeds[name].cpu_ms for name in ALONE)


RATIOS = {
    "whole / bound": lambda speeds: speeds["whole"].fps / bound(speeds),
    "whole / sequential": lambda speeds: speeds["whole"].fps / speeds["sequential"].fps,
    "cores used by the whole": busy,
    "CPU of the whole / of its parts": overhead,
}


def measure_round(task: Task) -> Round:
    """Measure each part once, in a process of its own."""
    return {name: _measured(name, task) for name in PARTS}


def _measured(name: str, task: Task) -> Speed:
    words = map(str, (name, task.clip, task.model, task.folder, task.frames))
    line = [sys.executable, "-m", "benchmarks.parts", *words]
    done = subprocess.run(line, check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    return Speed(**json.loads(done.stdout))


def table(rounds: Sequence[Round]) -> Iterator[str]:
    """Yield the lines of the table: medians, and how far the ratios spread."""
    yield f"{'part':<12}{'fps':>9}{'CPU ms per frame':>19}"
    for name in PARTS:
        speeds = [speeds[name] for speeds in rounds]
        fps, cpu_ms = median(s.fps for s in speeds), median(s.cpu_ms for s in speeds)
        yield f"{name:<12}{fps:>9.1f}{cpu_ms:>19.2f}"
    yield f"{'bound':<12}{median(map(bound, rounds)):>9.1f}"
    yield ""
    for name, ratio in RATIOS.items():
        values = sorted(map(ratio, rounds))
        yield f"{name:<33}{median(values):.2f}   ({values[0]:.2f} to {values[-1]:.2f})"


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--frames", type=click.IntRange(50), default=300, show_default=True)
def main(rounds: int, frames: int) -> None:
    """Measure the whole against its parts and against a plain loop, and print one table."""
    folder = Path(ROOT, "build", "bench")
    folder.mkdir(parents=True, exist_ok=True)
    task = Task(find_clip(folder), find_model(folder), folder, frames)
    click.echo(
        f"{frames} frames of {task.clip.name}, {task.model.name} with random weights "
        f"({BOXES} boxes a frame are kept), {cores()} cores, medians of {rounds} rounds\n"
    )
    measured = [measure_round(task) for _ in range(rounds)]
    click.echo("\n".join(table(measured)))


if __name__ == "__main__":
    main()
