"""Glass to glass: from a camera sending a frame to its arrival at a receiver.

A number in the pixels identifies each frame, so the measurement relies on nothing in between.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Any

import click
import numpy as np

from benchmarks.live.figures import Claim, judge
from benchmarks.live.site import (
    FOLDER,
    LOOP_SECONDS,
    configuration,
    model_options,
    running_live,
    street,
)
from detector.detections import Detections
from detector.engines import make_engine
from detector.manifest import Manifest
from detector.weights.zoo import find_model
from pipeline.assembly.engine import engine_options
from pipeline.frames.frame import Frame
from pipeline.frames.result import Tracked
from pipeline.report.figures import stream_figures
from pipeline.runtime.stats import Histogram
from pipeline.sinks import make_sink
from pipeline.sources import Decoded, make_source
from tests.support.cameras import FPS, Server, numbers_in, read_units
from trackers.tracks import Tracks

RECEIVER = "wall"
IMAGES = 100  # for timing the engine alone; the first tenth is warm-up


@click.command()
@click.option("--minutes", type=click.FloatRange(0.1), default=2.0, show_default=True)
@model_options
def glass(minutes: float, model: str, engine: str) -> None:
    """Run one camera from RTSP to RTSP: p50 and p99 of the age of its frames after every stage."""
    stops: dict[str, Mapping[str, float]] = {}

    def whole(camera: str, wall: str) -> None:
        with running_live(configuration({"cam": camera}, model, engine, [wall])) as run:
            Event().wait(minutes * 60)
            (stream,) = run.streams
            stops.update(stream_figures(run.pipeline, stream)["age_ms"])

    options = engine_options(engine, configuration({"cam": "rtsp://cam/1"}, model, engine))
    alone = _percentiles(_engine_seconds(engine, find_model(model), options))
    through = _percentiles(_ages(lambda camera, wall: pass_through(camera, wall, minutes * 60)))
    seen = _percentiles(_ages(whole))
    del stops["cam.jsonl"]  # not on the path to the receiver
    stops |= {"receiver": seen}
    click.echo(f"{'age in ms when out of':<24}{'p50':>8}{'p99':>8}{'added to p50':>14}")
    before = 0.0
    for stop, age in stops.items():
        click.echo(f"{stop:<24}{age['p50']:>8.1f}{age['p99']:>8.1f}{age['p50'] - before:>14.1f}")
        before = age["p50"]
    for name, spread in (("pass-through", through), ("engine alone", alone)):
        click.echo(f"{name:<24}{spread['p50']:>8.1f}{spread['p99']:>8.1f}")
    sys.exit(judge([_soon(seen, alone, through)]))


def _soon(
    seen: Mapping[str, float], alone: Mapping[str, float], through: Mapping[str, float]
) -> Claim:
    bound = 2e3 / FPS + alone["p50"] + through["p99"]
    return Claim(
        "p99 at most two frame intervals, the engine and the pass-through",
        f"{seen['p99']:.1f} ms, at most {bound:.1f} ms",
        seen["p99"] <= bound,
    )


def pass_through(camera: str, receiver: str, seconds: float) -> None:
    """Forward a camera's frames: our source and our sink on one thread, and nothing between."""
    source, sink = make_source(camera, "cam", {}), make_sink(receiver, classes=(), options={})

    def pass_on() -> None:
        with closing(source), closing(sink):
            stream = source.open()
            for index, item in enumerate(source):
                if isinstance(item, Decoded):
                    assert item.pts is not None and item.captured_at is not None
                    shown, time, at = item.picture, item.time_base, item.captured_at
                    frame = Frame(stream, index, item.pts, item.pts, time, at, shown)
                    nothing = Tracks.untracked(Detections.empty())
                    sink.process(Tracked(frame, nothing, shown.planes))

    thread = Thread(target=pass_on, name="pass-through")
    thread.start()
    Event().wait(seconds)
    source.stop()
    thread.join()


def _ages(run: Callable[[str, str], None]) -> Iterator[float]:
    """Yield the seconds from sending to arrival of each frame that `run` has forwarded.

    No frame is as old as the camera's clip is long, so its number identifies it.
    """
    received = FOLDER / "received.units"
    received.unlink(missing_ok=True)
    with (
        Server({"cam": {"clip": street()}}) as camera,
        Server(receivers={RECEIVER: received}) as wall,
    ):
        run(camera.url("cam"), wall.url(RECEIVER))
        began_at = camera.wait_for("began_at")["began_at"]
    units = read_units(received)
    for (arrived_at, _), number in zip(units, numbers_in(units), strict=True):
        if number is not None:
            yield (arrived_at - began_at - number / FPS) % LOOP_SECONDS


def _engine_seconds(engine: str, model: Path, options: Mapping[str, Any]) -> Iterator[float]:
    """Yield the seconds that the warm engine takes for a single image."""
    image = np.full((1, *Manifest.beside(model).input_size, 3), 114, np.uint8)
    with closing(make_engine(engine, model, **options)) as made:
        for number in range(IMAGES):
            began_at = monotonic()
            made.submit(image).result()
            if number >= IMAGES // 10:
                yield monotonic() - began_at


def _percentiles(seconds: Iterator[float]) -> dict[str, float]:
    """Return the percentiles in milliseconds."""
    histogram = Histogram()
    for each in seconds:
        histogram.record(each)
    return histogram.as_milliseconds()
