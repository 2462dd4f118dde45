"""How busy machines are: their cores, and their GPUs."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from detector.errors import FramelaneError
from detector.hardware.gpu_load import find_gpu_load
from pipeline.library.cores import core_count

MIN_SECONDS = 2.0  # between two measurements
_IDLE = (3, 4)  # columns of /proc/stat: idle, and idle while a disk works
_COLUMNS = 8  # the ones after them are in others already


@dataclass(frozen=True, slots=True)
class Load:
    """How busy one machine is, or several together, with all of their programs.

    cores, gpus: that are there; 0 if nothing is known about them
    busy_cores, busy_gpus: how many of them worked, on average over the last seconds
    """

    cores: int = 0
    busy_cores: float = 0.0
    gpus: int = 0
    busy_gpus: float = 0.0

    def __add__(self, other: Load) -> Load:
        """Return the load of the machines of both."""
        return Load(
            self.cores + other.cores,
            self.busy_cores + other.busy_cores,
            self.gpus + other.gpus,
            self.busy_gpus + other.busy_gpus,
        )

    def __str__(self) -> str:
        """Return it for a line of progress: `CPU 87%, GPU 40%`; empty if nothing is known."""
        shares = [("CPU", self.busy_cores, self.cores), ("GPU", self.busy_gpus, self.gpus)]
        return ", ".join(f"{name} {busy / count:.0%}" for name, busy, count in shares if count)


class LoadMeter:
    """Measures the cores and GPUs that this process may use. All methods: one thread.

    gpus: returns for each GPU the share of time in which it works; None: there is none to ask
    clock: seconds that never go back
    stat: the file with the system's CPU times
    """

    def __init__(
        self,
        gpus: Callable[[], list[float]] | None = None,
        *,
        clock: Callable[[], float] = monotonic,
        stat: Path = Path("/proc/stat"),
    ) -> None:
        self._gpus = gpus
        self._clock = clock
        self._stat = stat
        self._at = clock()
        self._idle, self._total = self._ticks()
        self._load = Load()

    @staticmethod
    def of_this_machine() -> LoadMeter:
        """Return a meter that also asks the GPUs, as far as they answer."""
        load = find_gpu_load()
        return LoadMeter(load.busy if load else None)

    def look(self) -> Load:
        """Return the load since the last measurement; of the last one if it was just before."""
        if self._clock() - self._at >= MIN_SECONDS:
            self._at = self._clock()
            self._load = self._cores_load() + self._gpus_load()
        return self._load

    def _cores_load(self) -> Load:
        idle, total = self._ticks()
        passed, waited = total - self._total, idle - self._idle
        self._idle, self._total = idle, total
        if passed <= 0:
            return Load()
        busy = min(1.0, max(0.0, 1 - waited / passed))
        return Load(core_count(), core_count() * busy)

    def _gpus_load(self) -> Load:
        try:
            busy = self._gpus() if self._gpus else []
        except FramelaneError:  # it was removed, or has failed: the work says so
            return Load()
        return Load(gpus=len(busy), busy_gpus=sum(busy))

    def _ticks(self) -> tuple[int, int]:
        """Return the idle time and the whole time of our cores; zeros where there is no /proc."""
        ours = {f"cpu{number}" for number in os.sched_getaffinity(0)}
        try:
            lines = [line.split() for line in self._stat.read_text().splitlines()]
        except OSError:
            return 0, 0
        rows = [list(map(int, each[1 : 1 + _COLUMNS])) for each in lines if each[0] in ours]
        return sum(row[k] for row in rows for k in _IDLE), sum(map(sum, rows))
