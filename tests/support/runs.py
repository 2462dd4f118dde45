"""Complete runs for tests and benchmarks: start, stop, counts, and leftovers."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.assembly.run import build
from pipeline.config import RunConfig
from pipeline.connections.status import Status
from pipeline.process_settings import apply_process_settings
from pipeline.report.figures import stream_figures
from pipeline.run import Run
from tests.support.cameras import CAP, until


@contextmanager
def running(config: RunConfig) -> Iterator[Run]:
    """Start a run, and stop it at the end; the caller checks its failures.

    A ledger that does not balance is one of them.
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
    """Return the status of a live stream."""
    (found,) = [stream.status for stream in run.streams if stream.name == name]
    assert found
    return found


def emitted(run: Run, name: str) -> int:
    """Return the number of emitted frames of a stream."""
    return run.pipeline.ledger.balance(name).emitted


def more_of(run: Run, *names: str, frames: int = 20) -> None:
    """Wait until each of the streams has emitted this many more frames."""
    seen = {name: emitted(run, name) for name in names}
    for name in names:
        until(lambda name=name: emitted(run, name) >= seen[name] + frames)  # type: ignore[misc]


def reported(run: Run, name: str) -> set[str]:
    """Return the faults of a stream and the causes of its lost connections, from the report."""
    (stream,) = [each for each in run.streams if each.name == name]
    figures = stream_figures(run.pipeline, stream)
    return {*figures["faults"], *_connections(figures)}


def _connections(figures: Mapping[str, Any]) -> Iterator[str]:
    for peer, status in {"camera": figures["connection"], **figures["receivers"]}.items():
        for cause, count in status["causes"].items():
            yield f"{peer}: {cause} x {count}"


def left_behind(run: Run) -> dict[str, object]:
    """Return everything that a removed stream might leave behind."""
    shared = [worker for worker in run.pipeline.workers if worker.stream is None]
    return {
        "threads": threading.active_count(),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "workers": len(run.pipeline.workers),
        "balances": list(run.pipeline.ledger.balances),
        "ages": [list(worker.probe.ages) for worker in shared],
        "lanes": run.lane_count,
    }
