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

import av
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
    """seconds, cpu_seconds: of the run; decoded: frames."""

    seconds: float
    cpu_seconds: float
    decoded: int

    def row(self, name: str, folder: Path) -> str:
        """Return a line of the table; folder: of the files that the run has left."""
        share, fps = self.cpu_seconds / self.seconds, self.decoded / self.seconds
        return f"{name:<34}{share:>12.1%}{fps:>14.1f}{_recorded_fps(folder):>14.1f}"


@click.command()
@click.option("--seconds", type=click.FloatRange(5), default=30.0, show_default=True, help="Each.")
def main(seconds: float) -> None:
    """Print the CPU time of one camera: only recorded, only decoded, and both."""
    click.echo(f"{cores()} cores of {cpu_name()}; one camera, {SIZE[0]} x {SIZE[1]} at {FPS} fps")
    click.echo(f"{'':<34}{'of a core':>12}{'decoded fps':>14}{'recorded fps':>14}")
    with TemporaryDirectory() as folder, Server({"cam": {"clip": _street()}}) as server:
        url = server.url("cam")
        alone = Path(folder, "alone")
        click.echo(_only_recorded(url, alone, seconds).row("recorded by copying", alone))
        for number, (name, recording) in enumerate(MODES.items()):
            own = Path(folder, str(number))
            click.echo(_run(url, own, recording, seconds).row(name, own))


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
    measured = _measured(seconds, lambda: 0)
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
        return _measured(seconds, lambda: run.pipeline.ledger.balance("cam").decoded)


def _measured(seconds: float, decoded: Callable[[], int]) -> Measured:
    """Measure this process for a while."""
    began, busy, before = monotonic(), process_time(), decoded()
    Event().wait(seconds)
    return Measured(monotonic() - began, process_time() - busy, decoded() - before)


def _recorded_fps(folder: Path) -> float:
    """Return the frames per second in the recorded file, 0 if there is none."""
    times: list[float] = []
    for path in folder.glob("*.mp4"):
        with av.open(str(path)) as container:
            packets = container.demux(video=0)
            times += (float(each.pts * each.time_base) for each in packets if each.pts is not None)
    return (len(times) - 1) / (max(times) - min(times)) if times else 0.0


if __name__ == "__main__":
    main()
