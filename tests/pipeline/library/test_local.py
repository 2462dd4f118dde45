"""Workers as processes: they keep their engine, die alone, and never outlive their parent."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from signal import SIGSEGV
from time import monotonic

import pytest

from detector.errors import FramelaneError
from pipeline.library.executor import Ending, Event, Executor, Finished, Job, Lost, Progress
from pipeline.library.local import LocalExecutor
from tests.support.cameras import CAP
from tests.support.library import children, held, is_alive, reader_of
from tests.support.paths import ROOT
from tests.support.recordings import write_recording


@pytest.fixture
def others() -> set[int]:
    """Return the processes of other tests, such as servers, that this one has started before."""
    return children(os.getpid())


@pytest.fixture
def executor(others: set[int]) -> Iterator[LocalExecutor]:
    with closing(LocalExecutor(2, 2)) as executor:
        yield executor
    assert children(os.getpid()) <= others


def job(number: int, source: Path, **more: object) -> Job:
    config: dict[str, object] = {
        "sources": [{"url": str(source)}],
        "model": {"engine": "fake"},
        "outputs": ["output-0.jsonl"],
    }
    output = source.parent / f"out/{number}.jsonl"
    return Job(number, source.name, config | more, (str(output),))


def end_of(executor: Executor, count: int) -> list[Event]:
    """Return so many ends of jobs, in the order in which they happen."""
    ends: list[Event] = []
    deadline = monotonic() + CAP
    while len(ends) < count:
        assert monotonic() < deadline, "the jobs do not end"
        ends += [each for each in executor.wait(1.0) if not isinstance(each, Progress)]
    return ends


def test_a_process_does_one_job_after_the_other(
    executor: LocalExecutor, others: set[int], tmp_path: Path
) -> None:
    recording = write_recording(tmp_path / "a.mp4")
    workers: set[int] = set()
    for number in range(3):
        executor.submit(job(number, recording))
        workers |= children(os.getpid()) - others
        (end,) = end_of(executor, 1)
        assert isinstance(end, Finished) and end.outcome.ending is Ending.DONE
        assert (end.job.number, end.outcome.frames) == (number, 30)
    assert len(workers) == 1
    assert {path.name for path in (tmp_path / "out").iterdir()} == {f"{k}.jsonl" for k in range(3)}


def test_a_crash_loses_one_job_and_its_signal_is_named(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    recording, pipe = write_recording(tmp_path / "a.mp4"), tmp_path / "pipe.mp4"
    executor.submit(job(0, recording))
    end_of(executor, 1)  # a worker with an open engine
    with held(pipe):
        executor.submit(job(1, pipe))
        pid = reader_of(pipe, lambda: children(os.getpid()))
        executor.submit(job(2, recording))
        os.kill(pid, SIGSEGV)
        ends = {each.job.number: each for each in end_of(executor, 2)}
    lost, other = ends[1], ends[2]
    assert isinstance(lost, Lost) and not lost.innocent
    assert "its process was killed by SIGSEGV (Fatal Python error: Segmentation" in lost.why
    assert isinstance(other, Finished) and other.outcome.ending is Ending.DONE
    executor.submit(job(3, recording))  # there are still two workers
    executor.submit(job(4, recording))
    assert all(isinstance(each, Finished) for each in end_of(executor, 2))


def test_workers_that_die_before_they_can_begin_end_the_run(
    executor: LocalExecutor, others: set[int], tmp_path: Path
) -> None:
    pipe = tmp_path / "list"
    os.mkfifo(pipe)
    for number in range(3):
        executor.submit(job(number, pipe))
        for pid in children(os.getpid()) - others:
            os.kill(pid, 9)
        if number < 2:
            (end,) = end_of(executor, 1)
            assert isinstance(end, Lost) and end.innocent
    with pytest.raises(FramelaneError, match="3 workers in a row died before they could begin"):
        end_of(executor, 1)


def test_a_close_ends_workers_in_the_middle_of_a_job(others: set[int], tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)
    executor = LocalExecutor(1, 1)
    executor.submit(job(0, pipe))
    workers = children(os.getpid()) - others
    executor.close()
    executor.close()
    assert workers and not any(map(is_alive, workers))


def test_a_folder_of_the_user_with_the_name_of_a_package_is_not_imported(tmp_path: Path) -> None:
    for name in ("pipeline", "json", "numpy"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('the wrong one')")
    write_recording(tmp_path / "a.mp4")
    line = [str(Path(sys.executable).parent / "framelane"), "annotate", "a.mp4"]
    options = ["--engine", "fake", "--output", "out/{path}.jsonl"]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    assert Path(line[0]).exists(), f"{ROOT} is not installed: pip install -e ."
    done = subprocess.run(
        [*line, *options], cwd=tmp_path, env=environment, timeout=CAP, check=False
    )
    assert done.returncode == 0
