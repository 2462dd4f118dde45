"""Streams are added and removed during a run, and leave nothing behind."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Thread
from typing import Any

import cv2
import numpy as np
import pytest

from detector.errors import FramelaneError, UsageError
from pipeline.assembly.run import build
from pipeline.config import SourceConfig
from tests.support.cameras import CAP, Server, numbered, require_gstreamer, until, write_units
from tests.support.runs import emitted, left_behind, minimal_config, quick_clip, running_well


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_stream_is_added_and_removed_while_another_continues(tmp_path: Path) -> None:
    endless = quick_clip(10**9, name="steady", realtime=True)
    with running_well(minimal_config(tmp_path, endless)) as run:
        until(lambda: emitted(run, "steady") > 3)
        name = run.add(SourceConfig.model_validate(quick_clip(10**9, name="guest", realtime=True)))
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


def test_a_hundred_added_and_removed_streams_leave_nothing_behind(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for name in ("1.png", "2.png"):
        cv2.imwrite(str(images / name), np.zeros((32, 32, 3), np.uint8))
    with running_well(
        minimal_config(tmp_path, quick_clip(10**9, name="steady", realtime=True))
    ) as run:
        until(lambda: emitted(run, "steady") > 1)
        before = left_behind(run)
        for _ in range(100):
            name = run.add(SourceConfig(url=str(images), name="guest"))
            until(lambda: emitted(run, "guest") == 2)
            run.remove(name)
        assert left_behind(run) == before
    assert len(lines(tmp_path / "guest.jsonl")) == 2


def test_added_and_removed_cameras_leave_nothing_behind(tmp_path: Path) -> None:
    require_gstreamer()
    units = write_units(tmp_path / "clip.units", numbered())
    dead = {"url": "rtsp://127.0.0.1:9/1", "name": "dead"}
    with (
        Server({"cam": {"clip": units}}) as server,
        running_well(minimal_config(tmp_path, dead)) as run,
    ):
        before = None
        for _ in range(6):  # the first connection also loads libraries
            name = run.add(SourceConfig(url=server.url("cam"), name="guest"))
            until(lambda: emitted(run, "guest") > 2)
            run.remove(name)
            before = before or left_behind(run)
        assert left_behind(run) == before


def test_a_failed_stream_is_removed_like_any_other(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"")
    run = build(
        minimal_config(tmp_path, quick_clip(10**9, name="steady", realtime=True)), more=True
    )
    run.pipeline.start()
    name = run.add(SourceConfig(url=str(broken)))
    until(lambda: run.pipeline.failures)
    run.remove(name)
    assert [stream.name for stream in run.streams] == ["steady"]
    run.pipeline.stop()
    assert run.pipeline.wait(CAP)
    run.pipeline.join()
    assert [failure.stream for failure in run.pipeline.failures] == ["broken"]


def test_stream_names_and_outputs_are_unique(tmp_path: Path) -> None:
    with running_well(minimal_config(tmp_path, quick_clip(10**9, name="a", realtime=True))) as run:
        assert run.add(SourceConfig.model_validate(quick_clip(1, name="a"))) == "a-2"
        with pytest.raises(UsageError, match=r"a\.jsonl is also an output"):
            run.add(SourceConfig(url=str(tmp_path / "a.jsonl")))
        with pytest.raises(UsageError, match="no stream 'b'; accepted: a, a-2"):
            run.remove("b")
        assert [stream.name for stream in run.streams] == ["a", "a-2"]


def test_no_stream_is_added_to_a_run_that_is_ending(tmp_path: Path) -> None:
    with running_well(minimal_config(tmp_path, quick_clip(10**9, realtime=True))) as run:
        run.pipeline.stop()
        with pytest.raises(FramelaneError, match="the run is ending"):
            run.add(SourceConfig.model_validate(quick_clip(1, name="late")))
        assert "late" not in [stream.name for stream in run.streams]


def test_a_run_ends_with_its_last_stream_unless_more_may_come(tmp_path: Path) -> None:
    run = build(minimal_config(tmp_path, quick_clip(3), quick_clip(5)))
    run.pipeline.start()
    assert run.pipeline.wait(CAP)
    run.pipeline.join()
    assert [emitted(run, name) for name in ("synthetic", "synthetic-2")] == [3, 5]


def test_the_report_overwrites_no_source_no_output_and_no_model(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    cv2.imwrite(str(images / "1.png"), np.zeros((32, 32, 3), np.uint8))
    run = build(minimal_config(tmp_path, quick_clip(1, name="a"), str(images)))
    (tmp_path / "link.json").hardlink_to(images / "1.png")
    (tmp_path / "manifest.json").symlink_to(run.model.with_suffix(".json"))
    for path, what in (
        (images / "1.png", "a source"),
        (tmp_path / "link.json", "a source"),
        (tmp_path / "x/../a.jsonl", "an output"),
        (tmp_path / "manifest.json", "a part of the model"),
    ):
        with pytest.raises(UsageError, match=f"^--stats-json: .* is also {what}: give it another"):
            run.reserve(path, "--stats-json")
    run.reserve(tmp_path / "b.jsonl", "--stats-json")
    with pytest.raises(UsageError, match=r"--output: .*b\.jsonl would be written twice"):
        run.add(SourceConfig.model_validate(quick_clip(1, name="b")))
    run.reserve(Path("/dev/stdout"), "--stats-json")


def test_a_source_that_is_given_as_a_file_url_is_still_that_file(tmp_path: Path) -> None:
    run = build(minimal_config(tmp_path, quick_clip(1, name="ab")))
    for url in (f"file://{tmp_path}/a%62.jsonl", f"FILE:{tmp_path}/a%62.jsonl"):
        with pytest.raises(UsageError, match=r"a%62\.jsonl is also an output"):
            run.add(SourceConfig(url=url))


@pytest.mark.parametrize("link", ["hardlink_to", "symlink_to"])
def test_an_output_that_is_a_source_under_another_name_is_refused(
    tmp_path: Path, link: str
) -> None:
    source = tmp_path / "in.mp4"
    source.write_bytes(b"video")
    for name in ("out.mp4", "out.incomplete.mp4"):
        getattr(tmp_path / name, link)(source)
        config = minimal_config(
            tmp_path, str(source), outputs=[str(tmp_path / name.replace(".incomplete", ""))]
        )
        with pytest.raises(UsageError, match=r"out\.mp4 is also a source: give it another name"):
            build(config)
        (tmp_path / name).unlink()
    assert source.read_bytes() == b"video"


def test_a_source_with_the_name_of_a_segment_is_not_deleted(tmp_path: Path) -> None:
    source = tmp_path / "2026-01-01.mp4"
    source.write_bytes(b"video")
    config = minimal_config(
        tmp_path, str(source), outputs=[{"url": f"{tmp_path}/%Y-%m-%d.mp4", "keep_bytes": 1}]
    )
    with pytest.raises(UsageError, match="it would overwrite or delete the source"):
        build(config)


@pytest.mark.parametrize(
    "names",
    [("{stream}-%H%M%S.mp4", "cam-%S%M%H.mp4"), ("%Y.jsonl", "2026.jsonl"), ("%H.mp4", "%M.mp4")],
)
def test_outputs_that_may_have_one_name_are_refused_before_anything_starts(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    outputs = [{"url": str(tmp_path / name)} for name in names]
    config = minimal_config(tmp_path, quick_clip(5, name="cam"), outputs=outputs)
    with pytest.raises(UsageError, match="may give two files one name"):
        build(config)


def test_a_template_with_the_name_of_another_stream_s_file_is_refused(tmp_path: Path) -> None:
    outputs = [{"url": str(tmp_path / "{stream}%H.mp4")}, {"url": str(tmp_path / "{stream}.mp4")}]
    streams = quick_clip(5, name="cam"), quick_clip(5, name="cam12")
    with pytest.raises(UsageError, match="may give two files one name"):
        build(minimal_config(tmp_path, *streams, outputs=outputs))


@pytest.mark.parametrize("stage", ["decode", "track", "guest.jsonl"])
def test_a_stream_for_which_the_system_has_no_threads_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    start = Thread.start

    def refuse(thread: Thread) -> None:
        if thread.name == f"guest/{stage}":
            raise RuntimeError("can't start new thread")
        start(thread)

    endless = quick_clip(10**9, name="steady", realtime=True)
    guest = SourceConfig.model_validate(quick_clip(5, name="guest"))
    with running_well(minimal_config(tmp_path, endless)) as run:
        until(lambda: emitted(run, "steady") > 1)
        before = left_behind(run)
        with monkeypatch.context() as patched:
            patched.setattr(Thread, "start", refuse)
            with pytest.raises(FramelaneError, match="the system gives no more threads"):
                run.add(guest)
        assert left_behind(run) == before
        assert [stream.name for stream in run.streams] == ["steady"]
        run.add(guest)
        until(lambda: emitted(run, "guest") == 5)


def test_a_run_for_which_the_system_has_no_threads_ends_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = Thread.start

    def refuse(thread: Thread) -> None:
        if thread.name == "submit":
            raise RuntimeError("can't start new thread")
        start(thread)

    run = build(minimal_config(tmp_path, quick_clip(10**9, name="cam", realtime=True)))
    monkeypatch.setattr(Thread, "start", refuse)
    run.pipeline.start()
    assert run.pipeline.wait(CAP)
    run.pipeline.join()
    assert "the system gives no more threads" in str(run.pipeline.failures[0].error)
