"""python -m benchmarks.library: a folder of clips with workers, and one `framelane run` per clip.

The speed of a shared machine changes, so everything is measured in every round, and ratios are
formed within a round. Beside other programs, more processes get a larger share of the cores; the
CPU time tells what the work itself takes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from time import monotonic
from typing import NamedTuple

import click

from benchmarks.machine import cores
from benchmarks.material import find_clip
from benchmarks.result import Result
from tests.support.paths import ROOT, data_folder

VIDEOS = ("car-detection", "one-by-one-person-detection", "person-bicycle-car-detection")
PROGRAM = "from pipeline.commands.framelane import main; main()"
FORMATS = ("mp4", "jsonl")


def write_clips(folder: Path, count: int) -> Path:
    """Return a folder with `count` names of the street clips, or of a synthetic one."""
    data = data_folder() / "street/videos"
    found = [data / f"{name}.mp4" for name in VIDEOS if (data / f"{name}.mp4").is_file()]
    clips = found or [find_clip(folder)]
    shutil.rmtree(folder / "clips", ignore_errors=True)
    (folder / "clips").mkdir(parents=True)
    for k in range(count):
        (folder / f"clips/{k:02}.mp4").symlink_to(clips[k % len(clips)].resolve())
    return folder / "clips"


class Took(NamedTuple):
    """How long something took: on the clock, and of all its processes together on a core."""

    seconds: float
    cpu_seconds: float


def time_of(lines: Iterable[Sequence[str | Path]], folder: Path) -> Took:
    """Return how long commands take, one after the other; their outputs are made anew."""
    shutil.rmtree(folder / "out", ignore_errors=True)
    began_at, cpu_before = monotonic(), _cpu_of_children()
    for line in lines:
        _run(line, folder)
    return Took(monotonic() - began_at, _cpu_of_children() - cpu_before)


def _cpu_of_children() -> float:
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _run(line: Sequence[str | Path], folder: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, line)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
    )


def outputs(name: str) -> list[str]:
    """Return the options for video and JSON lines."""
    return [word for each in FORMATS for word in ("--output", f"out/{name}.{each}")]


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--clips", type=click.IntRange(1), default=12, show_default=True)
@click.option("--frames", type=click.IntRange(1), default=100, show_default=True)
def main(rounds: int, clips: int, frames: int) -> None:
    """Measure `framelane annotate` against one `framelane run` after the other."""
    folder = Path(ROOT, "build", "bench", "library")
    rec = write_clips(folder, clips)
    shared = ["--max-frames", str(frames)]
    annotate: list[str | Path] = ["annotate", rec, *outputs("{path}"), *shared]
    ways: dict[str, list[list[str | Path]]] = {
        "one run after the other": [
            ["run", clip, *outputs("{stream}"), *shared] for clip in sorted(rec.iterdir())
        ],
        "annotate, a worker per core": [[*annotate, "--workers", str(cores())]],
        "annotate": [annotate],
    }
    click.echo(
        f"{clips} clips of {frames} frames, {cores()} cores, {rounds} rounds, video and JSON"
    )
    measured = [{way: time_of(lines, folder) for way, lines in ways.items()} for _ in range(rounds)]
    for way in ways:
        seconds = median(each[way].seconds for each in measured)
        cpu = median(each[way].cpu_seconds for each in measured)
        click.echo(
            f"{way:<28}{seconds:>8.1f} s{cpu:>8.1f} CPU s{clips * frames / seconds:>8.1f} fps"
        )
    for other in list(ways)[:2]:
        ratios = sorted(each[other].seconds / each["annotate"].seconds for each in measured)
        found = f"{median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        what = f"speed of annotate / {other}"
        click.echo(Result(what, found, "at least 1", median(ratios) >= 1))


if __name__ == "__main__":
    main()
