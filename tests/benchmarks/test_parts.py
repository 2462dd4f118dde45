"""The benchmark measures what it says; no test asserts a speed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.parts import PARTS, Speed, Task, measure
from benchmarks.pipeline import RATIOS, table
from tests.benchmarks.conftest import FRAMES
from tests.support.ffmpeg import times_by_ffprobe


@pytest.fixture(scope="module")
def task(clip: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Task:
    return Task(clip, model, 0.0, tmp_path_factory.mktemp("bench"), FRAMES)


def test_every_part_processes_all_frames(task: Task) -> None:
    for name, part in PARTS.items():
        counted = list(part(task))
        assert counted == sorted(counted) and counted[-1] <= FRAMES, name
    for written in ("whole", "encode", "loop"):
        assert len(times_by_ffprobe(task.folder / f"{written}.mp4")) == FRAMES


def test_measuring_a_part_gives_its_speed(task: Task) -> None:
    speed = measure(PARTS["decode"], task)
    assert speed.fps > 0 and speed.cpu_ms > 0


def test_the_table_gives_the_ratios_of_the_same_round() -> None:
    """The parts take 1 + 30 + 9 CPU ms; the whole takes 44 and is twice as fast as the loop."""
    loaded, idle = (
        {
            "decode": Speed(200 * share, 1.0, there),
            "engine": Speed(50 * share, 30.0, there),
            "whole": Speed(40 * share, 44.0, there),
            "encode": Speed(150 * share, 9.0, there),
            "sequential": Speed(20 * share, 50.0, there),
            "by_default": Speed(32 * share, 50.0, there),
        }
        for share, there in ((0.5, 1.0), (1.0, 2.0))
    )
    for speeds in (loaded, idle):  # half the cores, half the speed: as good
        assert RATIOS["whole / bound"](speeds) == pytest.approx(40 * 0.040 / 2)
    assert RATIOS["whole / sequential"](loaded) == pytest.approx(2.0)
    assert RATIOS["CPU of the whole / of its parts"](loaded) == pytest.approx(1.1)
    lines = list(table([loaded, idle, idle]))
    assert "whole            40.0              44.00          2.00" in lines
    assert "whole / sequential               2.00   (2.00 to 2.00)" in lines
