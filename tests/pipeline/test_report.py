"""The report of a run: exit codes, lines about failures, figures and their text."""

from __future__ import annotations

import json

import pytest

from detector.errors import FramelaneError, UsageError
from pipeline.report import complaints, exit_code, figures, opening_failure, summary
from pipeline.runtime.runner import Failure, Pipeline
from tests.support.faulty_runs import Faults, Run, finish, make_run


def finished(faults: Faults | None = None) -> Run:
    run = make_run([20, 10], faults, sinks=1)
    run.pipeline.start()
    finish(run)
    return run


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


def test_the_figures_of_each_stream_add_up_and_are_ready_for_json() -> None:
    run = finished(Faults({"track": 5}))
    report = json.loads(json.dumps(figures(run.pipeline, run.streams)))
    assert report["exit_code"] == 1
    assert report["failures"] == [
        {"stage": "s0/track", "stream": "s0", "error": "track failed at 5"}
    ]
    for stream in report["streams"].values():
        lost = sum(each["frames"] for each in [*stream["dropped"], *stream["failed"]])
        assert stream["decoded"] == stream["emitted"] + lost
    steady = report["streams"]["s1"]
    assert (steady["decoded"], steady["emitted"]) == (10, 5)
    assert steady["dropped"] == [{"stage": "decode", "reason": "stride", "frames": 5}]
    assert list(steady["age_ms"]) == [
        *("decode", "preprocess", "submit", "collect", "suppress", "track", "sink0")
    ]
    assert report["stages"]["s1/decode"]["items"] == 10


def test_the_last_figures_of_removed_streams_stay_in_the_report() -> None:
    run = finished()
    report = figures(run.pipeline, run.streams, {"guest": {"decoded": 7}})
    assert list(report["streams"]) == ["guest", "s0", "s1"]


def test_the_summary_has_a_line_for_each_stream_and_stage() -> None:
    run = finished()
    lines = summary(figures(run.pipeline, run.streams)).splitlines()
    assert lines[0].startswith("s0: 20 frames decoded, 10 emitted, 10 dropped (decode: stride); ")
    assert lines[1].startswith("s1: 10 frames decoded, 5 emitted, 5 dropped (decode: stride); ")
    stages = [line.split()[0] for line in lines[4:]]
    assert stages[:2] == ["preprocess", "submit"] and "s1/sink0" in stages


def test_what_became_of_events_is_said() -> None:
    run = finished()
    told = {"name": "hook", "delivered": 7, "pending": 2, "dropped": 0, "last_error": "429\n"}
    events = {
        "changes_stored": 9,
        "changes_lost": 1,
        "clips": {"ready": 3, "failed": 0, "pending": 0},
        "deliveries": [told],
    }
    text = summary(figures(run.pipeline, run.streams, events=events))
    assert "events: 9 changes stored, 1 lost, clips: 3 ready\n" in text
    assert "    hook: 7 messages delivered, 2 wait; last error: 429" in text
    assert "events:" not in summary(figures(run.pipeline, run.streams))
