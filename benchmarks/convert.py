"""python -m benchmarks.convert: time and memory from a checkpoint to the first frame's result.

Checkpoints in the official format, of full width and with random weights, are run as
`framelane run CLIP --model CHECKPOINT` without torch: the process cannot import it. The first start
converts the checkpoint and checks the engine; the second finds the model in the cache. The starts
of all networks take turns, so that other load on the machine affects all of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic
from typing import NamedTuple

import click

from benchmarks.machine import cores
from benchmarks.material import find_clip
from detector.acceptance.sample_images import read_images
from detector.hardware.cpu import cpu_name
from tests.support.official_file import write_official
from tests.support.paths import ROOT
from tests.support.random_network import random_network

NETWORKS = ("yolov7-tiny", "yolov7")
SIZE = (640, 640)
STARTS = ("first", "second")
WITHOUT_TORCH = (
    "import sys; sys.modules['torch'] = None; from pipeline.commands.run import run; run()"
)


class Cost(NamedTuple):
    """Of one process: until it ends after one frame, and its largest resident memory."""

    seconds: float
    cpu_seconds: float
    peak_megabytes: float


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
def main(rounds: int) -> None:
    """Print what a first and a second start cost: medians over the rounds."""
    folder = ROOT / "build" / "convert"
    clip = find_clip(ROOT / "build" / "bench").resolve()
    checkpoints = [_checkpoint(name, folder, clip) for name in NETWORKS]
    costs: dict[tuple[str, str], list[Cost]] = {}
    for _ in range(rounds):
        for checkpoint in checkpoints:
            with TemporaryDirectory() as cache:
                for start in STARTS:
                    cost = _one_frame(checkpoint, clip, Path(cache))
                    costs.setdefault((checkpoint.stem, start), []).append(cost)
    click.echo(f"{cores()} cores of {cpu_name()}, medians of {rounds} rounds")
    for (name, start), found in costs.items():
        seconds, cpu_seconds, peak = map(median, zip(*found, strict=True))
        click.echo(
            f"{name:<12} {start:<7} {seconds:6.1f} s  {cpu_seconds:6.1f} CPU s  {peak:6.0f} MB"
        )


def _checkpoint(name: str, folder: Path, clip: Path) -> Path:
    """Return an official checkpoint; it is made once."""
    path = folder / f"{name}.pt"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        network = random_network(name, read_images(clip, SIZE, 4))
        write_official(network, path, class_names=[f"class {i}" for i in range(network.classes)])
    return path


def _one_frame(checkpoint: Path, clip: Path, cache: Path) -> Cost:
    words = [str(clip), "--model", str(checkpoint), "--max-frames", "1", "--engine", "openvino"]
    line = [sys.executable, "-c", WITHOUT_TORCH, *words, "--output", str(cache / "out.jsonl")]
    environment = os.environ | {"FRAMELANE_CACHE": str(cache), "PYTHONPATH": str(ROOT)}
    began = monotonic()
    process = subprocess.Popen(
        line, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise click.ClickException(f"{checkpoint.name}: the run ended with {process.returncode}")
    return Cost(monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


if __name__ == "__main__":
    main()
