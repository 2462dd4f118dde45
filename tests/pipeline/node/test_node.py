"""A node without a process: what it does with time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

from pipeline.node.camera_logs import CameraLogs
from pipeline.node.node import RETRY_SECONDS, UNTOLD_SECONDS, Node
from tests.support.cameras import CAP, until


class Clock:
    """Seconds that a test lets pass."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def started(folder: Path, clock: Clock) -> Iterator[tuple[Node, Event]]:
    stopped = Event()
    node = Node(folder, CameraLogs(folder / "logs"), stopped.set, clock)
    node.start()
    yield node, stopped
    node.end()
    node.join()


def test_a_node_that_nobody_has_told_anything_ends(tmp_path: Path) -> None:
    clock = Clock()
    with started(tmp_path, clock) as (node, stopped):
        node.answer({"op": "hello"})
        clock.now = UNTOLD_SECONDS + 1
        assert stopped.wait(CAP)


def test_a_node_that_was_told_something_stays_and_tries_a_failed_engine_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    shared = {"digest": "d", "config": {"model": "no such model"}, "model": None}
    with started(tmp_path, clock) as (node, stopped):
        node.answer({"op": "apply", "term": 1, "shared": shared, "cameras": {}})
        until(lambda: caplog.text.count("runs no cameras") == 1, "the refusal")
        assert "no such model" in node.answer({"op": "report", "term": 1})["why"]
        clock.now = RETRY_SECONDS + 1
        until(lambda: caplog.text.count("runs no cameras") == 2, "another attempt")
        assert not stopped.is_set()
