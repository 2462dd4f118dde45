"""A hanging stage is logged with the stacks of all threads, and may end the process."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from threading import Event
from time import monotonic

import pytest

from pipeline.assembly.run import build
from pipeline.connections.status import Status
from pipeline.monitor.watchdog import Watchdog, stacks
from pipeline.runtime.runner import Pipeline
from tests.support.cameras import CAP, until
from tests.support.faulty_runs import Gate, finish, make_run
from tests.support.paths import ROOT
from tests.support.runs import minimal_config


class Later:
    """A clock that a test sets forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return monotonic() + self.ahead


def at_work(pipeline: Pipeline) -> list[str]:
    return [w.name for w in pipeline.workers if w.probe.at_work_since is not None]


def look_for(watchdog: Watchdog, clock: Later, seconds: int) -> None:
    """Let a process run for so long, and look as often as a run does in that time, or half."""
    for _ in range(2 * seconds):
        clock.ahead += 0.5
        watchdog.look()


def test_a_stopped_process_or_a_paused_machine_does_not_hang(
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = make_run([50], sinks=1)
    gate = run.sinks["s0"][0].faults = Gate()
    clock = Later()
    watchdog = Watchdog(run.pipeline, list, 60.0, clock=clock)
    run.pipeline.start()
    until(lambda: at_work(run.pipeline) == ["s0/sink0"])
    look_for(watchdog, clock, 10)
    clock.ahead += 100_000.0  # stopped by a signal, or with its virtual machine
    look_for(watchdog, clock, 40)
    assert caplog.messages == []
    look_for(watchdog, clock, 20)
    assert "has made no progress for 6" in caplog.messages[0]
    gate.opened.set()
    finish(run)


def test_a_hanging_sink_is_logged_once_with_the_stacks_of_all_threads(
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = make_run([50], sinks=1)
    gate = run.sinks["s0"][0].faults = Gate()
    clock, given_up = Later(), Event()
    watchdog = Watchdog(run.pipeline, list, 60.0, give_up=given_up.set, clock=clock)
    run.pipeline.start()
    # wait until only the sink is at work, before the clock is set forward
    until(lambda: at_work(run.pipeline) == ["s0/sink0"])
    watchdog.look()
    assert caplog.messages == []  # not long enough yet
    look_for(watchdog, clock, 62)
    (logged,) = [line for line in caplog.messages if "no progress" in line]
    assert logged.startswith("stage 's0/sink0' has made no progress for 6")
    (shown,) = [vars(each)["block"] for each in caplog.records if "stacks" in each.message]
    assert "--- s0/sink0" in shown and "--- MainThread" in shown
    assert "self.opened.wait(CAP)" in shown  # the line where it hangs
    assert given_up.is_set()
    gate.opened.set()
    finish(run)
    assert at_work(run.pipeline) == []


def test_a_stage_that_waits_for_others_does_not_hang(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dead = {"url": "rtsp://127.0.0.1:9/1", "retry_seconds": 1000, "max_retry_seconds": 1000}
    run = build(minimal_config(tmp_path, dead))
    run.pipeline.start()
    until(lambda: run.streams[0].status and run.streams[0].status.causes)
    clock = Later()
    with caplog.at_level(logging.ERROR):
        watchdog = Watchdog(run.pipeline, lambda: run.streams, clock=clock)
        look_for(watchdog, clock, 100)
    assert not [line for line in caplog.messages if "progress" in line]
    run.pipeline.stop()
    assert run.pipeline.wait(CAP)
    run.pipeline.join()


def test_a_call_to_a_camera_that_never_returns_is_noticed() -> None:
    clock = Later()
    status = Status("cam", clock)
    status.live()
    status.frame(0.04)
    clock.ahead = 100.0
    assert status.seconds_in_call(clock()) == pytest.approx(100, abs=1)
    status.ended()
    assert status.seconds_in_call(clock()) == 0


def test_with_the_option_a_hanging_stage_ends_the_process_with_an_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "synthetic.jsonl")  # opening it for writing waits for a reader
    line = [sys.executable, str(ROOT / "run_pipeline.py"), "synthetic", "--engine", "fake"]
    outputs = ["--output", str(tmp_path / "{stream}.jsonl"), "--watchdog", "1"]
    done = subprocess.run(
        [*line, *outputs], capture_output=True, text=True, timeout=CAP, check=False
    )
    assert done.returncode == 1
    assert "stage 'synthetic/synthetic.jsonl' has made no progress for" in done.stderr
    assert "--- synthetic/synthetic.jsonl" in done.stderr


def test_stacks_name_the_threads_and_their_current_lines() -> None:
    assert "--- MainThread" in stacks()
    assert "test_stacks_name_the_threads_and_their_current_lines" in stacks()
