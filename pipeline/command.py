"""The main command behind its options: configure, build, run, watch, report."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread, Timer
from typing import Any

import click
import yaml

from pipeline.build import build
from pipeline.config import Flag, RunConfig, load_config
from pipeline.pipeline import Pipeline
from pipeline.progress import watch
from pipeline.report import complaints, exit_code, figures, summary
from pipeline.sources import without_password

GRACE_SECONDS = 1.0  # that a cancelled run has: a call into a runtime cannot be interrupted

ENDINGS = (signal.SIGINT, signal.SIGTERM)

WHERE = {  # flag -> the place in the configuration that it sets
    "model": ("model", "name"),
    "engine": ("model", "engine"),
    "device": ("model", "device"),
    "imgsz": ("model", "imgsz"),
    "conf": ("detect", "conf"),
    "iou": ("detect", "iou"),
    "classes": ("detect", "classes"),
    "agnostic": ("detect", "agnostic"),
    "tracker": ("tracker", "name"),
    "sources": ("sources",),
    "outputs": ("outputs",),
    "stride": ("sources", "*", "stride"),
    "max_frames": ("sources", "*", "max_frames"),
    "realtime": ("sources", "*", "realtime"),
}


def configure(path: Path | None, given: Mapping[str, Any]) -> RunConfig:
    """Return the configuration in `path` with the flags that were `given` laid over it.

    Raises UsageError.
    """
    named = {"outputs": "--output", "sources": "SOURCES"}
    flags = [
        Flag(named.get(name, f"--{name.replace('_', '-')}"), keys, given[name])
        for name, keys in WHERE.items()
        if given[name] not in (None, ())
    ]
    return load_config(path, flags)


def as_yaml(config: RunConfig) -> str:
    """Return the effective configuration as a file that gives the same run."""
    shown = config.model_dump(mode="json")
    for source in shown["sources"]:
        source["url"] = without_password(source["url"])
    return str(yaml.safe_dump(shown, sort_keys=False))


def schema() -> str:
    """Return the JSON schema of a configuration file."""
    return json.dumps(RunConfig.model_json_schema(), indent=2)


def run(config: RunConfig, stats_json: Path | None) -> int:
    """Run to the end, print the summary, and return the exit code.

    stats_json: where all figures are written
    Raises UsageError for whatever can be known to be wrong before anything starts.
    """
    described = build(config)
    pipeline, streams = described.pipeline, described.streams
    with _signals(pipeline):
        pipeline.start()
        watch(pipeline)
        pipeline.join()
    report = figures(pipeline, streams)
    if stats_json:
        stats_json.parent.mkdir(parents=True, exist_ok=True)
        stats_json.write_text(json.dumps(report, indent=2) + "\n")
    click.echo(summary(report))
    for line in complaints(pipeline, streams):
        click.echo(line, err=True)
    return exit_code(pipeline, streams)


@contextmanager
def _signals(pipeline: Pipeline) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM ends the run well, the second at once."""

    def on_signal(number: int, _: object) -> None:
        if not stopping:
            stopping.append(number)
            # on a thread: a handler interrupts whatever the main thread was holding
            Thread(target=pipeline.stop, name="stop").start()
        elif not last_word.is_alive():
            last_word.start()
            Thread(target=pipeline.cancel, name="cancel").start()

    stopping: list[int] = []
    last_word = Timer(GRACE_SECONDS, _leave)
    last_word.daemon = True  # it must not keep alive what it is there to end
    before = {number: signal.signal(number, on_signal) for number in ENDINGS}
    try:
        yield
    finally:
        last_word.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave() -> None:
    """Leave although a thread hangs in a call that cannot be interrupted."""
    click.echo("cancelled: a stage did not end in time, its output is incomplete", err=True)
    os._exit(1)
