"""A hanging stage, an engine that is not open, the end of a run: each with its reason."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import pytest

from pipeline.assembly.run import build
from pipeline.stages.infer import Submit
from pipeline.web.serving import web_server
from tests.support.cameras import CAP, until
from tests.support.runs import minimal_config, quick_clip, running_well
from tests.support.web import Visitor


def test_a_process_with_a_hanging_stage_is_not_alive(tmp_path: Path) -> None:
    config = minimal_config(tmp_path, quick_clip(1), serve={"address": "127.0.0.1:0"})
    with web_server(build(config), config, lambda: ("door/track",)) as server:
        answer = Visitor(server.port, build(config)).ask("GET", "/livez")
    assert (answer.status, answer.content) == (503, b"no progress: door/track\n")


def test_a_run_is_ready_from_the_opening_of_its_engine_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_open = Event()
    opened = Submit.open

    def open_late(stage: Submit) -> None:
        assert may_open.wait(CAP)
        opened(stage)

    monkeypatch.setattr(Submit, "open", open_late)
    endless = quick_clip(10**9, realtime=True)
    config = minimal_config(tmp_path, endless, serve={"address": "127.0.0.1:0"})
    with running_well(config) as run, web_server(run, config) as server:
        visitor = Visitor(server.port, run)
        answer = visitor.ask("GET", "/readyz")
        assert (answer.status, answer.content) == (503, b"the engine is not open yet\n")
        may_open.set()
        until(lambda: visitor.ask("GET", "/readyz").status == 200)
        run.pipeline.stop()
        answer = visitor.ask("GET", "/readyz")
        assert (answer.status, answer.content) == (503, b"the run is ending\n")
