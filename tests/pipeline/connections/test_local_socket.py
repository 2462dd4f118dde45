"""Requests to a process of the same user."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from threading import enumerate as enumerate_threads
from time import sleep
from typing import Any

import pytest

from detector.errors import UsageError
from pipeline.connections.local_socket import LocalServer, NotThere, ask


def answer(request: Mapping[str, Any]) -> Mapping[str, Any]:
    if request.get("op") == "refuse":
        raise UsageError("no such camera")
    if request.get("op") == "bug":
        raise ZeroDivisionError
    return {"given": request}


def test_answers_and_refusals_arrive(tmp_path: Path) -> None:
    path = tmp_path / "own" / "a.sock"
    with LocalServer(path, answer):
        assert ask(path, {"op": "x", "text": "ü" * 100_000}, 60)["given"]["text"] == "ü" * 100_000
        with pytest.raises(Exception, match="no such camera") as caught:
            ask(path, {"op": "refuse"}, 60)
        assert getattr(caught.value, "exit_code", None) == 2
        with pytest.raises(Exception, match="a bug"):
            ask(path, {"op": "bug"}, 60)
    with pytest.raises(NotThere):
        ask(path, {}, 60)


def test_a_request_under_way_is_answered_although_the_server_ends(tmp_path: Path) -> None:
    path, begun, ended = tmp_path / "own" / "a.sock", Event(), Event()

    def late(request: Mapping[str, Any]) -> Mapping[str, Any]:
        begun.set()
        ended.wait(60)
        sleep(0.2)  # the server is ending meanwhile
        return {"given": request}

    with ThreadPoolExecutor() as pool:
        with LocalServer(path, late):
            asked = pool.submit(ask, path, {"op": "x"}, 60)
            assert begun.wait(60)
            ended.set()
        assert not [each for each in enumerate_threads() if each.name == "request"]
        assert asked.result() == {"given": {"op": "x"}}


def test_only_its_user_reaches_it(tmp_path: Path) -> None:
    path = tmp_path / "own" / "a.sock"
    with LocalServer(path, answer):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) & 0o077 == 0


def test_a_long_path_and_a_socket_that_a_killed_process_has_left_are_no_obstacle(
    tmp_path: Path,
) -> None:
    path = tmp_path.joinpath(*["a long name of a folder"] * 8) / "a.sock"
    path.parent.mkdir(parents=True)
    path.touch()
    with LocalServer(path, answer):
        assert ask(path, {"op": "x"}, 60)
