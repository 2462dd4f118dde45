"""python -m benchmarks.pixels --before FOLDER: CPU per annotated frame, here and in other code.

FOLDER is another working tree of this repository (`git worktree add FOLDER REVISION`). Both run in
turn, each in its own process, and ratios are formed within a round.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import astuple, replace
from pathlib import Path
from statistics import median

import click

from benchmarks.material import find_clip, find_large_clip
from benchmarks.parts import Speed, Task
from tests.support.paths import ROOT

CONFIDENCE = 0.1  # what trackers get by default


def cpu_ms(tree: Path, part: str, task: Task) -> float:
    """Return the CPU milliseconds per frame of a part, as the code of a working tree does it."""
    words = map(str, (part, *astuple(task)))
    line = [sys.executable, "-m", "benchmarks.parts", *words]
    done = subprocess.run(line, check=True, cwd=tree, stdout=subprocess.PIPE, text=True)
    return Speed(**json.loads(done.stdout)).cpu_ms


def compare(before: Path, task: Task, rounds: int) -> None:
    """Print the CPU of whole runs, and what is left of it without the engine."""
    rows = []
    for _ in range(rounds):
        old, new = cpu_ms(before, "whole", task), cpu_ms(ROOT, "whole", task)
        engine = cpu_ms(ROOT, "engine", task)
        rows.append((old, new, engine, new / old, (new - engine) / (old - engine)))
    names = ("before", "now", "engine alone", "now / before", "the same without the engine")
    for name, values in zip(names, zip(*rows, strict=True), strict=True):
        click.echo(f"  {name:<28}{median(values):8.2f}   ({min(values):.2f} to {max(values):.2f})")


@click.command()
@click.option(
    "--before", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True
)
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--frames", type=click.IntRange(50), default=300, show_default=True)
def main(before: Path, rounds: int, frames: int) -> None:
    """Compare the CPU per annotated frame with that of other code; print a table."""
    folder = Path(ROOT, "build", "bench")
    folder.mkdir(parents=True, exist_ok=True)
    model = before / "models/street/street.onnx"  # older code may not read newer manifests
    task = Task(find_clip(folder), model.resolve(), CONFIDENCE, folder, frames)
    for name, clip in (("768 x 432", task.clip), ("1920 x 1080", find_large_clip(folder))):
        click.echo(f"{name}, {clip.name}, {frames} frames: CPU ms per frame, {rounds} rounds")
        compare(before, replace(task, clip=clip), rounds)


if __name__ == "__main__":
    main()
