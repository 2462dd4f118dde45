"""Cameras that show the street, a small disk, and runs over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from pipeline.config import RunConfig
from pipeline.connections.status import State
from pipeline.run import Run
from pipeline.sources.synthetic import Synthetic
from tests.support.cameras import FPS, Server, require_gstreamer, until, write_units
from tests.support.disks import small_disk
from tests.support.paths import ROOT
from tests.support.runs import more_of, running, status
from tests.support.site import Site

LOOP_SECONDS = 10  # of the street; then the clip starts again
SIZES = {"street": (768, 432), "small": (512, 288)}
DISK = "64m"
FOLDER = Path(ROOT, "build", "bench", "live")


def street(name: str = "street") -> Path:
    """Return the access units of the street, with a keyframe every second; drawn once."""
    require_gstreamer()
    path = FOLDER / f"{name}.units"
    if not path.is_file():
        FOLDER.mkdir(parents=True, exist_ok=True)
        width, height = SIZES[name]
        drawn = Synthetic("synthetic:0", width=width, height=height)
        frames = map(drawn.draw, range(LOOP_SECONDS * FPS))
        write_units(path.with_suffix(".partial"), frames, gop=FPS).rename(path)
    return path


def model_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options --model and --engine to a command."""
    command = click.option("--engine", default="openvino", show_default=True)(command)
    return click.option("--model", default="street", show_default=True)(command)


def configuration(
    urls: Mapping[str, str], model: str, engine: str, outputs: Sequence[Any] = (), **options: Any
) -> RunConfig:
    """Return the configuration of a run of live streams.

    urls: camera name -> URL; outputs: besides JSON lines; options: for each source
    """
    return RunConfig.model_validate(
        {
            "sources": [{"url": url, "name": name, **options} for name, url in urls.items()],
            "model": {"name": model, "engine": engine},
            "outputs": [str(FOLDER / "{stream}.jsonl"), *outputs],
        }
    )


@contextmanager
def running_live(config: RunConfig) -> Iterator[Run]:
    """Run until the block ends; starts once every camera is LIVE."""
    with running(config) as run:
        names = [stream.name for stream in run.streams]
        for name in names:
            until(lambda name=name: status(run, name).state is State.LIVE)  # type: ignore[misc]
        more_of(run, *names, frames=5)
        yield run


@contextmanager
def rack(cameras: int, model: str, engine: str, **options: Any) -> Iterator[Run]:
    """Run `cameras` cameras that show the street; options: for each source."""
    names = [f"cam-{number}" for number in range(1, cameras + 1)]
    with Server({name: {"clip": street()} for name in names}) as server:
        urls = {name: server.url(name) for name in names}
        with running_live(configuration(urls, model, engine, **options)) as run:
            yield run


@contextmanager
def site(cameras: Sequence[str]) -> Iterator[Site]:
    """Start cameras that show the street, each with its own server, and a small disk."""
    clip, smaller = street(), street("small")
    with (
        small_disk(FOLDER / "disk", DISK) as disk,
        Site(cameras, clip, smaller, disk) as place,
    ):
        yield place
