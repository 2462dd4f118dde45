"""What each camera costs a node: the CPU of its threads, and its share of what all share."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import enumerate as running_threads
from time import monotonic, process_time

from pipeline.fleet.camera import Cost
from pipeline.run import Run

MIN_SECONDS = 5.0  # between two measurements
TICKS = os.sysconf("SC_CLK_TCK")  # of CPU time per second


class CostMeter:
    """Measures the cameras of a run between two calls of `look`.

    The CPU time that no camera's thread used (the engine, codecs with threads of their own, this
    process itself) is divided among the cameras by their frames; so is the time of the engine.

    clock: seconds that never go back
    """

    def __init__(self, run: Run, clock: Callable[[], float] = monotonic) -> None:
        self._run = run
        self._clock = clock
        self._at = clock()
        self._cpu = process_time()
        self._engine = 0.0
        self._own: dict[int, float] = {}  # CPU seconds by thread
        self._frames: dict[str, int] = {}
        self.costs: Mapping[str, Cost] = {}

    def look(self) -> None:
        """Measure, unless the last measurement was just before."""
        now = self._clock()
        seconds = now - self._at
        if seconds < MIN_SECONDS:
            return
        names = [stream.name for stream in self._run.streams]
        own = self._own_cpu(names)
        frames = self._new_frames(names)
        cpu, engine = process_time(), self._engine_seconds()
        rest = max(0.0, cpu - self._cpu - sum(own.values())) / seconds
        busy = min(1.0, max(0.0, engine - self._engine) / seconds)
        total = sum(frames.values())
        shares = {name: frames[name] / total if total else 1 / len(names) for name in names}
        self.costs = {
            name: Cost(own[name] / seconds + rest * shares[name], busy * shares[name])
            for name in names
        }
        self._at, self._cpu, self._engine = now, cpu, engine

    def _own_cpu(self, names: list[str]) -> dict[str, float]:
        """Return the CPU seconds that the threads of each camera used since the last time."""
        used, before, self._own = dict.fromkeys(names, 0.0), self._own, {}
        for thread in running_threads():
            name, slash, _ = thread.name.rpartition("/")
            if slash and name in used and thread.native_id:
                seconds = thread_cpu(thread.native_id)
                self._own[thread.native_id] = seconds
                used[name] += max(0.0, seconds - before.get(thread.native_id, 0.0))
        return used

    def _new_frames(self, names: list[str]) -> dict[str, int]:
        before = self._frames
        self._frames = {name: self._run.pipeline.ledger.balance(name).settled for name in names}
        return {name: max(0, self._frames[name] - before.get(name, 0)) for name in names}

    def _engine_seconds(self) -> float:
        collect = [each for each in self._run.pipeline.workers if each.name == "collect"]
        return collect[0].probe.stats.worked.total if collect else 0.0


def thread_cpu(native_id: int) -> float:
    """Return the CPU seconds of a thread of this process; 0 if it has ended."""
    try:
        content = Path(f"/proc/self/task/{native_id}/stat").read_text()
    except OSError:
        return 0.0
    fields = content.rpartition(")")[2].split()  # a name may hold anything
    return (int(fields[11]) + int(fields[12])) / TICKS
