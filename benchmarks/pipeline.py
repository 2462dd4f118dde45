"""python -m benchmarks.pipeline: a whole run against its parts, and against plain loops.

The speed of a shared machine changes. So every part is measured in every round, ratios are formed
within a round, and the table gives the medians of the rounds. The bound counts the cores that were
available, without those that other processes or the host took.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple
from pathlib import Path
from statistics import median

import click

from benchmarks.machine import cores
from benchmarks.material import BOXES, find_clip, find_confidence, find_model
from benchmarks.parts import PARTS, Speed, Task
from tests.support.paths import ROOT

ALONE = ("decode", "engine", "encode")
Round = dict[str, Speed]


def parts_ms(speeds: Round) -> float:
    """Return the CPU milliseconds per frame of the three parts measured alone."""
    return sum(speeds[name].cpu_ms for name in ALONE)


def bound(speeds: Round) -> float:
    """Return the frames per second at which the parts would fill the cores that the run had."""
    return 1e3 * speeds["whole"].cores / parts_ms(speeds)


RATIOS: dict[str, Callable[[Round], float]] = {
    "whole / bound": lambda speeds: speeds["whole"].fps / bound(speeds),
    "whole / sequential": lambda speeds: speeds["whole"].fps / speeds["sequential"].fps,
    "whole / by_default": lambda speeds: speeds["whole"].fps / speeds["by_default"].fps,
    "CPU of the whole / of its parts": lambda speeds: speeds["whole"].cpu_ms / parts_ms(speeds),
}


def measure_round(task: Task) -> Round:
    """Measure each part once, each in its own process."""
    return {name: _measured(name, task) for name in PARTS}


def _measured(name: str, task: Task) -> Speed:
    words = map(str, (name, *astuple(task)))
    line = [sys.executable, "-m", "benchmarks.parts", *words]
    done = subprocess.run(line, check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    return Speed(**json.loads(done.stdout))


def table(rounds: Sequence[Round]) -> Iterator[str]:
    """Yield the lines of the table: medians, and the range of the ratios."""
    yield f"{'part':<12}{'fps':>9}{'CPU ms per frame':>19}{'cores free':>14}"
    for name in PARTS:
        columns = zip(*(astuple(speeds[name]) for speeds in rounds), strict=True)
        fps, cpu_ms, there = map(median, columns)
        yield f"{name:<12}{fps:>9.1f}{cpu_ms:>19.2f}{there:>14.2f}"
    yield f"{'bound':<12}{median(map(bound, rounds)):>9.1f}"
    yield ""
    for name, ratio in RATIOS.items():
        values = sorted(map(ratio, rounds))
        yield f"{name:<33}{median(values):.2f}   ({values[0]:.2f} to {values[-1]:.2f})"


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--frames", type=click.IntRange(50), default=300, show_default=True)
def main(rounds: int, frames: int) -> None:
    """Measure a whole run against its parts and against plain loops; print a table."""
    folder = Path(ROOT, "build", "bench")
    folder.mkdir(parents=True, exist_ok=True)
    clip, model = find_clip(folder), find_model(folder)
    task = Task(clip, model, find_confidence(model, clip), folder, frames)
    click.echo(
        f"{frames} frames of {task.clip.name}, {task.model.name} with random weights "
        f"({BOXES} detections per frame), {cores()} cores, medians of {rounds} rounds\n"
    )
    measured = [measure_round(task) for _ in range(rounds)]
    click.echo("\n".join(table(measured)))


if __name__ == "__main__":
    main()
