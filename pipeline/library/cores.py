"""The cores of a machine, divided among its workers."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from detector.engines import engine_opener
from detector.weights.zoo import find_model
from pipeline.assembly.engine import engine_name
from pipeline.config import ModelConfig, OutputConfig, RunConfig, options_of
from pipeline.options import option_names
from pipeline.sinks import sink_for

WORKER_BYTES = 1 << 30  # of memory; a worker has 0.4 to 0.7 GB, with large frames more
WORKER_CORES = 2  # of one worker: its stages overlap, and two workers with a core each are slower
ENCODER_THREADS = 2  # more are no faster for frames of usual sizes


def core_count() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def default_workers() -> int:
    """Return one worker per WORKER_CORES, but no more than the free memory has room for."""
    workers = max(1, core_count() // WORKER_CORES)
    with suppress(OSError):
        memory = Path("/proc/meminfo").read_text()
        if free := re.search(r"^MemAvailable: +(\d+) kB", memory, re.M):
            return max(1, min(workers, int(free[1]) * 1024 // WORKER_BYTES))
    return workers


def shares(cores: int, workers: int) -> list[int]:
    """Return how many of the cores each worker may use: all of them together, each at least 1."""
    return [max(1, cores // workers + (k < cores % workers)) for k in range(workers)]


def with_threads(config: RunConfig, threads: int) -> RunConfig:
    """Return a configuration whose engine and encoders use so many threads, or what it says itself.

    Raises ModelError.
    """
    outputs = tuple(_output_with(output, threads) for output in config.outputs)
    model = _model_with(config.model, threads)
    return config.model_copy(update={"outputs": outputs, "model": model})


def _model_with(config: ModelConfig, threads: int) -> ModelConfig:
    name = engine_name(config, find_model(config.name, size=config.imgsz))
    if "threads" not in option_names(engine_opener(name)):
        return config
    # Extra keys of the section are options of the engine.
    return ModelConfig.model_validate(
        {"threads": threads} | config.model_dump(exclude_unset=True) | options_of(config)
    )


def _output_with(config: OutputConfig, threads: int) -> OutputConfig:
    sink = sink_for(config.url)
    if sink is None or "threads" not in option_names(sink):
        return config
    given = {"threads": min(ENCODER_THREADS, threads)} | config.model_dump(exclude_unset=True)
    return OutputConfig.model_validate(given | options_of(config))
