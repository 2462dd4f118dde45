"""python -m benchmarks.start: seconds to the first result, of the first start and of later ones.

A checkpoint of YOLOv7-tiny with random weights, in the format of the release, is served over HTTP
on loopback and run by its name. The first start downloads, converts and checks it; later starts
find it in the cache.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep

import click

from benchmarks.machine import cores
from benchmarks.material import find_clip
from detector.acceptance.sample_images import read_images
from detector.hardware.cpu import cpu_name
from tests.support.official_file import write_official
from tests.support.paths import ROOT
from tests.support.random_network import random_network
from tests.support.release_server import serving

POLL = 0.01  # seconds


@click.command()
@click.option("--starts", type=click.IntRange(2), default=4, show_default=True)
def main(starts: int) -> None:
    """Print the time from each start of `framelane run` to the first line of its results."""
    with TemporaryDirectory() as folder, _release(Path(folder)) as url:
        clip = find_clip(ROOT / "build" / "bench").resolve()
        click.echo(f"{cores()} cores of {cpu_name()}; to the first result: seconds, CPU seconds")
        for start in range(starts):
            seconds, of_cpu = _start(Path(folder), url, clip)
            click.echo(f"start {start + 1}: {seconds:.2f} {of_cpu:.2f}")


@contextmanager
def _release(folder: Path) -> Iterator[str]:
    """Serve a checkpoint; yield the URL of the release."""
    clip = find_clip(ROOT / "build" / "bench")
    network = random_network("yolov7-tiny", read_images(clip, (640, 640), 4))
    names = [f"class {i}" for i in range(network.classes)]
    write_official(network, folder / "served.pt", class_names=names)
    with serving() as release:
        release.files["/yolov7-tiny.pt"] = (folder / "served.pt").read_bytes()
        yield release.url


def _start(folder: Path, url: str, clip: Path) -> tuple[float, float]:
    """Process one frame in a new process; return the seconds to its result, and the CPU seconds."""
    results = folder / "results.jsonl"
    results.unlink(missing_ok=True)
    line = [sys.executable, str(ROOT / "run_pipeline.py"), str(clip)]
    line += ["--model", "yolov7-tiny", "--max-frames", "1", "--output", str(results)]
    given = {"FRAMELANE_CACHE": str(folder / "cache"), "FRAMELANE_RELEASE_URL": url}
    began, busy = monotonic(), _of_children()
    with subprocess.Popen(
        line, cwd=folder, env=os.environ | given, stdout=subprocess.DEVNULL
    ) as process:
        while process.poll() is None and not (results.exists() and results.stat().st_size):
            sleep(POLL)
        took = monotonic() - began
    if process.returncode:
        raise click.ClickException(f"run_pipeline.py ended with {process.returncode}")
    return took, _of_children() - busy


def _of_children() -> float:
    """Return the CPU seconds of the child processes that have ended."""
    times = os.times()
    return times.children_user + times.children_system


if __name__ == "__main__":
    main()
