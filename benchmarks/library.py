"""python -m benchmarks.library: a folder of clips with workers, and one `framelane run` per clip.

The speed of a shared machine changes, so everything is measured in every round, and ratios are
formed within a round.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import monotonic

import click

from benchmarks.machine import cores
from benchmarks.material import find_clip
from benchmarks.result import Result
from tests.support.paths import ROOT

VIDEOS = ("car-detection", "one-by-one-person-detection", "person-bicycle-car-detection")
PROGRAM = "from pipeline.commands.framelane import main; main()"
FORMATS = ("mp4", "jsonl")


def write_clips(folder: Path, count: int) -> Path:
    """Return a folder with `count` names of the street clips, or of a synthetic one."""
    data = Path(os.environ.get("FRAMELANE_DATA", ROOT / "../shared/data")) / "street/videos"
    found = [data / f"{name}.mp4" for name in VIDEOS if (data / f"{name}.mp4").is_file()]
    clips = found or [find_clip(folder)]
    shutil.rmtree(folder / "clips", ignore_errors=True)
    (folder / "clips").mkdir(parents=True)
    for k in range(count):
        (folder / f"clips/{k:02}.mp4").symlink_to(clips[k % len(clips)].resolve())
    return folder / "clips"


def seconds_of(line: Sequence[str | Path], folder: Path) -> float:
    """Return how long a command takes; its outputs are made anew."""
    shutil.rmtree(folder / "out", ignore_errors=True)
    began_at = monotonic()
    subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, line)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
    )
    return monotonic() - began_at


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
    ways: dict[str, Callable[[], float]] = {
        "one run after the other": lambda: sum(
            seconds_of(["run", clip, *outputs("{stream}"), *shared], folder)
            for clip in sorted(rec.iterdir())
        ),
        "annotate --workers 1": lambda: seconds_of(
            ["annotate", rec, *outputs("{path}"), *shared, "--workers", "1"], folder
        ),
        "annotate": lambda: seconds_of(["annotate", rec, *outputs("{path}"), *shared], folder),
    }
    click.echo(
        f"{clips} clips of {frames} frames, {cores()} cores, {rounds} rounds, video and JSON"
    )
    measured = [{name: way() for name, way in ways.items()} for _ in range(rounds)]
    for name in ways:
        middle = median(each[name] for each in measured)
        click.echo(f"{name:<30}{middle:>8.1f} s{clips * frames / middle:>10.1f} frames/s")
    for other in list(ways)[:2]:
        ratios = sorted(each[other] / each["annotate"] for each in measured)
        what = f"annotate, as a multiple of `{other}`"
        found = f"{median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        click.echo(Result(what, found, "at least 1", median(ratios) >= 1))


if __name__ == "__main__":
    main()
