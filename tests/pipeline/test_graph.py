"""Streams that come and go while a run goes on, and leave nothing behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from detector.errors import FramelaneError, UsageError
from pipeline.build import build
from pipeline.config import RunConfig, SourceConfig
from pipeline.run import Run
from tests.support import runs
from tests.support.cameras import CAP, Server, numbered, require_gstreamer, until, write_units
from tests.support.runs import emitted, left_behind


def config(folder: Path, *sources: Any, **more: Any) -> RunConfig:
    """Return a run of these sources with an engine that finds nothing."""
    given = {
        "sources": list(sources),
        "model": {"engine": "fake"},
        "outputs": [str(folder / "{stream}.jsonl")],
    }
    return RunConfig.model_validate(given | more)


@contextmanager
def running(configuration: RunConfig) -> Iterator[Run]:
    """Give a run that goes on until the test ends it; it has to end well."""
    with runs.running(configuration) as run:
        yield run
    assert run.pipeline.failures == []


def clip(frames: int, **more: Any) -> dict[str, Any]:
    """Return a source that is drawn quickly."""
    small = {"url": "synthetic", "width": 512, "height": 128, "frames": frames}
    return small | more


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_stream_is_added_and_removed_while_another_runs_on(tmp_path: Path) -> None:
    endless = clip(10**9, name="steady", realtime=True)
    with running(config(tmp_path, endless)) as run:
        until(lambda: emitted(run, "steady") > 3)
        name = run.add(SourceConfig.model_validate(clip(10**9, name="guest", realtime=True)))
        until(lambda: emitted(run, "guest") > 3)
        figures = run.remove(name)
        seen = emitted(run, "steady")
        until(lambda: emitted(run, "steady") > seen + 3)
        assert [stream.name for stream in run.streams] == ["steady"]
        assert run.removed["guest"] == figures
    assert figures["emitted"] == len(lines(tmp_path / "guest.jsonl")) > 3
    assert figures["emitted"] + sum(d["frames"] for d in figures["dropped"]) == figures["decoded"]
    assert list(figures["age_ms"]) == [
        *("decode", "preprocess", "submit", "collect", "suppress", "track", "guest.jsonl")
    ]


def test_a_hundred_streams_that_come_and_go_leave_nothing_behind(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for name in ("1.png", "2.png"):
        cv2.imwrite(str(pictures / name), np.zeros((32, 32, 3), np.uint8))
    with running(config(tmp_path, clip(10**9, name="steady", realtime=True))) as run:
        until(lambda: emitted(run, "steady") > 1)
        before = left_behind(run)
        for _ in range(100):
            name = run.add(SourceConfig(url=str(pictures), name="guest"))
            until(lambda: emitted(run, "guest") == 2)
            run.remove(name)
        assert left_behind(run) == before
    assert len(lines(tmp_path / "guest.jsonl")) == 2


def test_cameras_that_come_and_go_leave_nothing_behind(tmp_path: Path) -> None:
    require_gstreamer()
    units = write_units(tmp_path / "clip.units", numbered())
    dead = {"url": "rtsp://127.0.0.1:9/1", "name": "dead"}
    with Server({"cam": {"clip": units}}) as server, running(config(tmp_path, dead)) as run:
        before = None
        for _ in range(6):  # the first connection also loads what stays loaded
            name = run.add(SourceConfig(url=server.url("cam"), name="guest"))
            until(lambda: emitted(run, "guest") > 2)
            run.remove(name)
            before = before or left_behind(run)
        assert left_behind(run) == before


def test_a_stream_that_broke_is_removed_like_any_other(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"")
    run = build(config(tmp_path, clip(10**9, name="steady", realtime=True)), more=True)
    run.pipeline.start()
    name = run.add(SourceConfig(url=str(broken)))
    until(lambda: run.pipeline.failures)
    run.remove(name)
    assert [stream.name for stream in run.streams] == ["steady"]
    run.pipeline.stop()
    assert run.pipeline.wait(CAP)
    run.pipeline.join()
    assert [failure.stream for failure in run.pipeline.failures] == ["broken"]


def test_names_and_outputs_stay_apart(tmp_path: Path) -> None:
    with running(config(tmp_path, clip(10**9, name="a", realtime=True))) as run:
        assert run.add(SourceConfig.model_validate(clip(1, name="a"))) == "a-2"
        with pytest.raises(UsageError, match=r"a\.jsonl is also an output"):
            run.add(SourceConfig(url=str(tmp_path / "a.jsonl")))
        with pytest.raises(UsageError, match="no stream 'b'; accepted: a, a-2"):
            run.remove("b")
        assert [stream.name for stream in run.streams] == ["a", "a-2"]


def test_a_run_that_is_ending_takes_no_stream(tmp_path: Path) -> None:
    with running(config(tmp_path, clip(10**9, realtime=True))) as run:
        run.pipeline.stop()
        with pytest.raises(FramelaneError, match="the run is ending"):
            run.add(SourceConfig.model_validate(clip(1, name="late")))
        assert "late" not in [stream.name for stream in run.streams]


def test_without_more_to_come_a_run_ends_with_its_last_stream(tmp_path: Path) -> None:
    run = build(config(tmp_path, clip(3), clip(5)))
    run.pipeline.run()
    assert [emitted(run, name) for name in ("synthetic", "synthetic-2")] == [3, 5]
