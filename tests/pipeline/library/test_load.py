"""The load of cores and GPUs, from figures that the system and the driver would give."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from detector.errors import FramelaneError
from pipeline.library.load import Load, LoadMeter

CORES = len(os.sched_getaffinity(0))


@pytest.fixture
def seconds() -> Iterator[int]:
    return count(step=5)


def write_times(stat: Path, busy: int, idle: int, waiting: int) -> None:
    """Write the CPU times of our cores as the system does, and one of a core that is not ours."""
    ours = [f"cpu{k} {busy} 0 0 {idle} {waiting} 0 0 0 0 0" for k in os.sched_getaffinity(0)]
    stat.write_text(
        "\n".join(["cpu  1 2 3", *ours, f"cpu999 {busy * 9} 0 0 0 0 0 0 0 0 0", "intr 7"])
    )


def test_a_core_is_busy_unless_it_is_idle_or_waits_for_a_disk(
    seconds: Iterator[int], tmp_path: Path
) -> None:
    write_times(stat := tmp_path / "stat", 100, 100, 100)
    meter = LoadMeter(clock=lambda: float(next(seconds)), stat=stat)
    write_times(stat, 400, 180, 120)  # 300 of 400 ticks
    assert meter.look() == Load(CORES, 0.75 * CORES)
    write_times(stat, 400, 280, 120)
    assert meter.look() == Load(CORES, 0.0)


def test_gpus_are_added_up_and_one_that_fails_is_left_out(
    seconds: Iterator[int], tmp_path: Path
) -> None:
    shares: list[float] = [0.25, 0.5]

    def gpus() -> list[float]:
        if not shares:
            raise FramelaneError("it fell off the bus")
        return shares

    meter = LoadMeter(gpus, clock=lambda: float(next(seconds)), stat=tmp_path / "no such file")
    assert meter.look() == Load(gpus=2, busy_gpus=0.75)
    shares.clear()
    assert meter.look() == Load()


def test_several_machines_are_as_busy_as_all_of_their_cores_together() -> None:
    load = Load(2, 2.0) + Load(6, 0.0, gpus=1, busy_gpus=0.4)
    assert str(load) == "CPU 25%, GPU 40%"
    assert (str(Load()), str(Load(4, 1.0))) == ("", "CPU 25%")


def test_this_machine_says_how_busy_it_is() -> None:
    seconds = count(step=5)
    meter = LoadMeter(clock=lambda: float(next(seconds)))
    end = os.times().user + 0.2
    while os.times().user < end:  # keep a core busy for more than a tick
        pass
    assert re.fullmatch(r"CPU \d+%", str(meter.look()))
    assert meter.look().cores in (0, CORES)
