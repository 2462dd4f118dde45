from __future__ import annotations

import pytest

from detector.errors import FramelaneError, UsageError
from pipeline.report.complaints import complaints, exit_code, opening_failure
from pipeline.runtime.runner import Failure, Pipeline
from tests.support.faulty_runs import finished, make_run


def failing(*failures: Failure) -> Pipeline:
    """Return a pipeline that has these failures, without having run."""
    pipeline = make_run([]).pipeline
    pipeline.failures += failures
    return pipeline


@pytest.mark.parametrize(
    ("failures", "code"),
    [
        ([], 0),
        ([Failure("a/decode", "a", FramelaneError("lost"))], 1),
        ([Failure("submit", None, ValueError("bug"))], 1),
        ([Failure("a/decode", "a", UsageError("wrong option"))], 2),
        ([Failure("submit", None, ValueError("bug")), Failure("a", "a", UsageError("wrong"))], 2),
    ],
)
def test_the_exit_code_is_1_after_a_failure_and_2_after_a_usage_error(
    failures: list[Failure], code: int
) -> None:
    assert exit_code(failing(*failures), []) == code


def test_a_cancelled_run_has_exit_code_1() -> None:
    pipeline = make_run([]).pipeline
    pipeline.cancel()
    assert exit_code(pipeline, []) == 1


def test_failures_are_reported_in_order_and_a_bug_with_its_type() -> None:
    pipeline = failing(
        Failure("a/decode", "a", FramelaneError("a.mp4: cannot be opened")),
        Failure("submit", None, FramelaneError("no memory")),
        Failure("b/track", "b", ValueError("bug")),
    )
    for worker in pipeline.workers:
        worker.probe.stats.items = 1
    assert opening_failure(pipeline) is None
    assert complaints(pipeline, []) == [
        *("a.mp4: cannot be opened", "submit: no memory", "b/track: ValueError: bug")
    ]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (FramelaneError("no such model"), "Error: no such model"),
        (ValueError("bug"), "Error: ValueError: bug"),
    ],
)
def test_a_shared_stage_that_was_not_opened_is_reported_last_as_an_error(
    error: Exception, line: str
) -> None:
    failure = Failure("submit", None, error)
    pipeline = failing(failure, Failure("a/decode", "a", FramelaneError("a.mp4: no video")))
    assert opening_failure(pipeline) is failure
    assert complaints(pipeline, []) == ["a.mp4: no video", line]


def test_faults_of_a_source_are_reported_and_make_the_exit_code_1() -> None:
    run = finished()
    run.sources[1].damage.append("s1: 3 frames are damaged")
    assert complaints(run.pipeline, run.streams) == ["s1: 3 frames are damaged"]
    assert exit_code(run.pipeline, run.streams) == 1
