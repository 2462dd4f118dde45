"""python -m benchmarks.recording: CPU per camera of recording, with and without encoding.

A camera of 1280 x 720 at 25 frames per second, a real RTSP server on this machine, is read by one
run after the other; the engine is a fake that finds nothing. The camera's CPU does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from time import monotonic, process_time
from typing import Any

import click

from benchmarks.machine import cores
from detector.hardware.cpu import cpu_name
from pipeline.config import RunConfig
from pipeline.recording.config import RecordingConfig
from pipeline.recording.stream import record_stream
from pipeline.runtime.ledger import Ledger
from pipeline.runtime.runner import Pipeline
from pipeline.sources import make_source
from pipeline.sources.synthetic import Synthetic
from tests.support.cameras import FPS, Server, require_gstreamer, until, write_units
from tests.support.paths import ROOT
from tests.support.runs import more_of, running

SIZE = (1280, 720)  # pixels
LOOP_SECONDS = 10  # of the street; then the clip starts again
WARM_UP = 2 * FPS  # frames
MODES: Mapping[str, Mapping[str, Any]] = {
    "decoded, not recorded": {},
    "decoded, recorded by copying": {"mode": "copy"},
    "decoded, recorded annotated": {"mode": "annotated"},
}


@dataclass(frozen=True, slots=True)
class Measured:
    """seconds, cpu_seconds: of the run; decoded: frames; megabytes: that were recorded."""

    seconds: float
    cpu_seconds: float
    decoded: int
    megabytes: float

    def row(self, name: str) -> str:
        """Return a line of the table."""
        share, fps = self.cpu_seconds / self.seconds, self.decoded / self.seconds
        speed = self.megabytes * 8 / self.seconds
        return f"{name:<34}{share:>12.1%}{fps:>12.1f}{speed:>12.2f}"


@click.command()
@click.option("--seconds", type=click.FloatRange(5), default=30.0, show_default=True, help="Each.")
def main(seconds: float) -> None:
    """Print the CPU time of one camera: only recorded, only decoded, and both."""
    click.echo(f"{cores()} cores of {cpu_name()}; one camera, {SIZE[0]} x {SIZE[1]} at {FPS} fps")
    click.echo(f"{'':<34}{'of a core':>12}{'decoded fps':>12}{'Mbit/s':>12}")
    with TemporaryDirectory() as folder, Server({"cam": {"clip": _street()}}) as server:
        url = server.url("cam")
        click.echo(_only_recorded(url, Path(folder, "alone"), seconds).row("recorded by copying"))
        for number, (name, recording) in enumerate(MODES.items()):
            measured = _run(url, Path(folder, str(number)), recording, seconds)
            click.echo(measured.row(name))


def _street() -> Path:
    """Return the access units of the street, with a keyframe every two seconds; drawn once."""
    require_gstreamer()
    path = Path(ROOT, "build", "bench", "recording.units")
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn = Synthetic("synthetic:0", width=SIZE[0], height=SIZE[1])
        frames = map(drawn.draw, range(LOOP_SECONDS * FPS))
        write_units(path.with_suffix(".partial"), frames, gop=2 * FPS).rename(path)
    return path


def _only_recorded(url: str, folder: Path, seconds: float) -> Measured:
    """Record the camera by a connection that is only demuxed, as `record_url` is."""
    never_opened = make_source(url, "cam", {})
    config = RecordingConfig(url=f"{folder}/%H%M%S.mp4")
    recording = record_stream(config, "cam", never_opened, record_url=url)
    assert recording
    pipeline = Pipeline(recording.workers, Ledger(), stop_sources=recording.stop)
    pipeline.start()
    until(lambda: recording.figures()["recorded"] > WARM_UP)
    measured = _measured(seconds, folder, lambda: 0)
    pipeline.stop()
    pipeline.join()
    return measured


def _run(url: str, folder: Path, recording: Mapping[str, Any], seconds: float) -> Measured:
    """Decode the camera, and record it."""
    options = {"recording": {"url": f"{folder}/%H%M%S.mp4", **recording}} if recording else {}
    config = RunConfig.model_validate(
        {
            "sources": [{"url": url, "name": "cam"}],
            "model": {"engine": "fake"},
            "outputs": [str(folder / "cam.jsonl")],
            **options,
        }
    )
    with running(config) as run:
        more_of(run, "cam", frames=WARM_UP)
        return _measured(seconds, folder, lambda: run.pipeline.ledger.balance("cam").decoded)


def _measured(seconds: float, folder: Path, decoded: Callable[[], int]) -> Measured:
    """Measure this process for a while."""
    began, busy, before, size = monotonic(), process_time(), decoded(), _size(folder)
    Event().wait(seconds)
    return Measured(
        monotonic() - began,
        process_time() - busy,
        decoded() - before,
        (_size(folder) - size) / 1e6,
    )


def _size(folder: Path) -> int:
    """Return the bytes of the recorded files."""
    return sum(path.stat().st_size for path in folder.glob("*.mp4"))


if __name__ == "__main__":
    main()
