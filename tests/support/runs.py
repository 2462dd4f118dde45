"""Whole runs for tests and benches: started, looked at, ended, and what they may leave behind."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.build import build
from pipeline.config import RunConfig
from pipeline.connections.status import Status
from pipeline.process_settings import apply_process_settings
from pipeline.report import stream_figures
from pipeline.run import Run
from tests.support.cameras import CAP, until


@contextmanager
def running(config: RunConfig) -> Iterator[Run]:
    """Give a run that goes on until this ends it; whether it went well is the caller's to ask.

    Where its books do not balance that is one of its failures.
    """
    apply_process_settings()
    run = build(config, more=True)
    run.pipeline.start()
    try:
        yield run
    finally:
        run.pipeline.stop()
        assert run.pipeline.wait(CAP), "the run hangs"
        run.pipeline.join()


@contextmanager
def running_well(config: RunConfig) -> Iterator[Run]:
    """Run like `running`; afterwards fail if the run had a failure."""
    with running(config) as run:
        yield run
    assert run.pipeline.failures == []


def minimal_config(folder: Path, *sources: Any, **more: Any) -> RunConfig:
    """Return a run of these sources into JSON lines, with an engine that detects nothing."""
    minimal = {
        "sources": list(sources),
        "model": {"engine": "fake"},
        "outputs": [str(folder / "{stream}.jsonl")],
    }
    return RunConfig.model_validate(minimal | more)


def quick_clip(frames: int, **more: Any) -> dict[str, Any]:
    """Return a source that draws its frames quickly."""
    small = {"url": "synthetic", "width": 512, "height": 128, "frames": frames}
    return small | more


def status(run: Run, name: str) -> Status:
    """Return what a live stream is doing."""
    (found,) = [stream.status for stream in run.streams if stream.name == name]
    assert found
    return found


def emitted(run: Run, name: str) -> int:
    """Return how many frames of a stream have come out."""
    return run.pipeline.ledger.balance(name).emitted


def more_of(run: Run, *names: str, frames: int = 20) -> None:
    """Wait until each of the streams has shown so many frames more."""
    seen = {name: emitted(run, name) for name in names}
    for name in names:
        until(lambda name=name: emitted(run, name) >= seen[name] + frames)  # type: ignore[misc]


def said(run: Run, name: str) -> set[str]:
    """Return what the report says of a stream: what its connections went through, its faults."""
    (stream,) = [each for each in run.streams if each.name == name]
    figures = stream_figures(run.pipeline, stream)
    return {*figures["faults"], *_connections(figures)}


def _connections(figures: Mapping[str, Any]) -> Iterator[str]:
    for who, each in {"camera": figures["connection"], **figures["receivers"]}.items():
        for cause, count in each["causes"].items():
            yield f"{who}: {cause} x {count}"


def left_behind(run: Run) -> dict[str, object]:
    """Return what could grow: threads, descriptors, workers, accounts, distributions."""
    shared = [worker for worker in run.pipeline.workers if worker.stream is None]
    return {
        "threads": threading.active_count(),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "workers": len(run.pipeline.workers),
        "balances": list(run.pipeline.ledger.balances),
        "ages": [list(worker.probe.ages) for worker in shared],
        "lanes": run.lane_count,
    }
