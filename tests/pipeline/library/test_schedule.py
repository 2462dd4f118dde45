"""What is submitted when, what is tried again or set aside, and what a later run still does."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path
from types import FrameType

import pytest

from detector.errors import ModelError
from pipeline.library.executor import Ending, Event, Finished, Job, Lost, Outcome, Progress
from pipeline.library.manifest import LibraryManifest
from pipeline.library.schedule import MAX_ATTEMPTS, Schedule
from pipeline.library.tally import Fate, Tally
from tests.support.library_plan import FakeExecutor, done, plan_for, write_files

KILLER, BAD, FLAKY = 1, 2, 3  # numbers of jobs
WHY = "its process was killed by SIGSEGV"


def ran(
    folder: Path,
    executor: FakeExecutor,
    look: Callable[[Schedule], None] = lambda _schedule: None,
    *,
    retry_failed: bool = False,
    **more: object,
) -> Tally:
    """Run over the recordings in `rec`, with a clock that goes on by a second at each look."""
    seconds = count()
    with closing(LibraryManifest(folder / "library.sqlite")) as manifest:
        schedule = Schedule(
            plan_for(folder, **more),
            manifest,
            lambda _tasks: executor,
            retry_failed=retry_failed,
            clock=lambda: float(next(seconds)),
        )
        schedule.run(lambda: look(schedule))
    tally = schedule.tally
    assert sum(tally.counts.values()) == tally.total == len(tally.results)
    return tally


def mixed(job: Job) -> Event:
    """Answer as workers do: one job kills them, one is bad for ever, one fails twice."""
    if job.number == KILLER:
        return Lost(job, WHY)
    if job.number == BAD:
        return Finished(job, Outcome(Ending.FAILED, "it is not a video"))
    if job.number == FLAKY and job.attempt < MAX_ATTEMPTS:
        return Finished(job, Outcome(Ending.FAILED, "no answer for 10 s", may_pass=True))
    return done(job)


def attempts(executor: FakeExecutor, number: int) -> list[int]:
    return [job.attempt for job in executor.submitted if job.number == number]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with six recordings in `rec`."""
    write_files(tmp_path, 6)
    return tmp_path


def test_what_may_pass_and_what_kills_is_tried_three_times_and_what_is_bad_once(
    folder: Path,
) -> None:
    executor = FakeExecutor(mixed)
    tally = ran(folder, executor)
    assert attempts(executor, KILLER) == attempts(executor, FLAKY) == [1, 2, 3]
    assert attempts(executor, BAD) == [1]
    assert tally.counts == {Fate.DONE: 4, Fate.FAILED: 1, Fate.QUARANTINED: 1}
    assert tally.results[KILLER].reason == f"3 times, {WHY}"
    assert tally.load == executor.load
    assert executor.closed


def test_a_failure_waits_before_it_is_tried_again_and_the_others_go_on(folder: Path) -> None:
    executor = FakeExecutor(mixed, capacity=1)
    ran(folder, executor)
    order = [job.number for job in executor.submitted]
    assert order[:4] == [0, KILLER, BAD, FLAKY]  # the largest first
    assert order.index(FLAKY, 4) > order.index(4)


def test_a_second_run_does_nothing_and_remembers_failures(folder: Path) -> None:
    ran(folder, FakeExecutor(mixed))
    executor = FakeExecutor()
    tally = ran(folder, executor)
    assert executor.submitted == []
    assert tally.counts == {Fate.ALREADY_DONE: 4, Fate.FAILED: 1, Fate.QUARANTINED: 1}
    assert tally.results[BAD].earlier and tally.results[BAD].reason == "it is not a video"


def test_failures_are_tried_again_if_asked_for_and_if_their_file_changes(folder: Path) -> None:
    ran(folder, FakeExecutor(mixed))
    (folder / "rec/00002.mp4").write_bytes(b"another content")
    executor = FakeExecutor()
    assert ran(folder, executor).counts[Fate.DONE] == 1
    assert ran(folder, FakeExecutor(), retry_failed=True).counts[Fate.DONE] == 1
    assert ran(folder, FakeExecutor()).counts == {Fate.ALREADY_DONE: 6}


def test_what_failed_but_may_pass_is_tried_again_in_the_next_run(folder: Path) -> None:
    def no_answer(job: Job) -> Event:
        return Finished(job, Outcome(Ending.FAILED, "no answer", may_pass=True))

    assert ran(folder, FakeExecutor(no_answer)).counts == {Fate.FAILED: 6}
    assert ran(folder, FakeExecutor()).counts == {Fate.DONE: 6}


def test_a_job_whose_worker_left_for_another_reason_keeps_its_attempts(folder: Path) -> None:
    times = count()

    def leaving(job: Job) -> Event:
        return Lost(job, "its node left", innocent=True) if next(times) < 20 else done(job)

    executor = FakeExecutor(leaving)
    assert ran(folder, executor).counts == {Fate.DONE: 6}
    assert {job.attempt for job in executor.submitted} == {1}


def test_a_missing_output_is_made_again(folder: Path) -> None:
    ran(folder, FakeExecutor())
    (folder / "out/00004.jsonl").unlink()
    assert ran(folder, FakeExecutor()).counts == {Fate.DONE: 1, Fate.ALREADY_DONE: 5}


def test_another_configuration_does_all_again_and_another_name_of_the_stream_one(
    folder: Path,
) -> None:
    ran(folder, FakeExecutor())
    assert ran(folder, FakeExecutor(), detect={"conf": 0.3}).counts == {Fate.DONE: 6}
    assert ran(folder, FakeExecutor(), detect={"conf": 0.3}).counts == {Fate.ALREADY_DONE: 6}


def test_a_recording_with_another_date_is_only_read_and_then_known_by_its_new_date(
    folder: Path,
) -> None:
    ran(folder, FakeExecutor())
    os.utime(folder / "rec/00005.mp4", ns=(1, 1))

    def unchanged(job: Job) -> Event:
        assert job.known and job.known.content == "content"
        assert isinstance(done(job), Finished)
        return Finished(job, Outcome(Ending.UNCHANGED, fingerprint=done(job).outcome.fingerprint))

    executor = FakeExecutor(unchanged)
    assert ran(folder, executor).counts == {Fate.ALREADY_DONE: 6}
    assert len(executor.submitted) == 1
    assert ran(folder, FakeExecutor()).counts == {Fate.ALREADY_DONE: 6}


def test_a_stop_begins_nothing_more_and_the_rest_counts_as_cut(folder: Path) -> None:
    def stop(schedule: Schedule) -> None:
        schedule.stop()

    def obedient(job: Job) -> Event:
        return Finished(job, Outcome(Ending.CUT)) if executor.stopped else Progress(job, 1)

    class Holding(FakeExecutor):
        def wait(self, timeout: float) -> list[Event]:
            events = list(super().wait(timeout))
            self._in_flight = [each.job for each in events if isinstance(each, Progress)]
            return events

    executor = Holding(obedient, capacity=2)
    assert ran(folder, executor, stop).counts == {Fate.CUT: 6}
    assert len(executor.submitted) == 2
    assert ran(folder, FakeExecutor()).counts == {Fate.DONE: 6}


def test_a_cancel_leaves_no_part_of_an_output(folder: Path) -> None:
    def begun(job: Job) -> Event:
        part = Path(f"{job.outputs[0]}.part")
        part.parent.mkdir(exist_ok=True)
        part.write_text("half")
        return Progress(job, 1)

    tally = ran(folder, FakeExecutor(begun), Schedule.cancel)
    assert tally.counts == {Fate.CUT: 6}
    assert list((folder / "out").iterdir()) == []


def test_a_model_that_cannot_be_used_ends_the_run_and_keeps_what_is_done(folder: Path) -> None:
    def unusable(job: Job) -> Event:
        if job.number < 2:
            return done(job)
        return Finished(job, Outcome(Ending.UNUSABLE, "no GPU here"))

    executor = FakeExecutor(unusable)
    with pytest.raises(ModelError, match="no GPU here"):
        ran(folder, executor)
    assert executor.closed
    assert ran(folder, FakeExecutor()).counts[Fate.ALREADY_DONE] == 2


def calls_for(folder: Path, recordings: int) -> int:
    """Return how many functions are called to schedule so many recordings, twice."""
    folder.mkdir()
    write_files(folder, recordings)
    calls = 0

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    executor = FakeExecutor(mixed, capacity=64)
    sys.setprofile(note)
    try:
        assert ran(folder, executor).counts[Fate.DONE] == recordings - 2
        assert ran(folder, executor).counts[Fate.ALREADY_DONE] == recordings - 2
    finally:
        sys.setprofile(None)
    assert len(executor.submitted) == recordings + 4
    return calls


def test_work_grows_with_the_number_of_recordings_and_not_with_its_square(tmp_path: Path) -> None:
    few, many = (calls_for(tmp_path / str(number), number) for number in (200, 2000))
    assert many < 11 * few


def test_ten_thousand_recordings_are_scheduled(tmp_path: Path) -> None:
    write_files(tmp_path, 10_000)
    executor = FakeExecutor(capacity=500)
    assert ran(tmp_path, executor).counts == {Fate.DONE: 10_000}
    assert executor.calls <= 10_000 + 10_000 / 500 + 1
