"""Whole runs with real cameras: failures are named, other streams go on, the ledger balances."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import RunConfig
from pipeline.connections.status import Cause, State
from pipeline.report.complaints import complaints, exit_code
from pipeline.report.figures import figures
from pipeline.report.summary import summary
from pipeline.run import Run
from tests.support import runs
from tests.support.cameras import (
    CAP,
    FPS,
    Server,
    numbered,
    numbers_in,
    read_units,
    require_gstreamer,
    until,
    write_units,
)
from tests.support.environment import PASSWORD
from tests.support.runs import emitted, more_of, status

QUICK = {"retry_seconds": 0.1, "max_retry_seconds": 0.2, "timeout_seconds": 20.0}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_gstreamer()
    return write_units(tmp_path_factory.mktemp("clips") / "clip.units", numbered())


@contextmanager
def running(folder: Path, *sources: dict[str, Any], **more: Any) -> Iterator[Run]:
    """Run these live streams, and write the figures at the end."""
    minimal = {
        "sources": [QUICK | source for source in sources],
        "model": {"engine": "fake"},
        "outputs": [str(folder / "{stream}.jsonl")],
    }
    with runs.running(RunConfig.model_validate(minimal | more)) as run:
        yield run
    (folder / "stats.json").write_text(json.dumps(figures(run.pipeline, run.streams)))


def test_a_dead_a_dying_and_a_garbage_camera_do_not_disturb_a_steady_one(
    clip: Path, tmp_path: Path
) -> None:
    names = ("dead", "dying", "garbage", "steady")
    with (
        Server({"dying": {"clip": clip}}) as mortal,
        Server({"garbage": {"clip": clip}, "steady": {"clip": clip}}) as server,
        running(
            tmp_path,
            {"url": "rtsp://127.0.0.1:9/1", "name": "dead"},
            {"url": mortal.url("dying"), "name": "dying"},
            {"url": server.url("garbage"), "name": "garbage", "timeout_seconds": 2.0},
            {"url": server.url("steady"), "name": "steady"},
        ) as run,
    ):
        more_of(run, "dying", "garbage", "steady")
        mortal.kill()
        server.tell("garbage", garbage=True)
        until(lambda: status(run, "dying").causes)
        until(lambda: status(run, "garbage").causes[Cause.BAD_DATA])
        more_of(run, "steady")
        mortal.start()
        server.tell("garbage", garbage=False)
        more_of(run, *names[1:])
        assert str(status(run, "dead")).startswith(("BACKOFF: refused", "CONNECTING"))
    assert run.pipeline.failures == []
    assert status(run, "steady").snapshot()["connections"] == 1
    assert status(run, "steady").snapshot()["causes"] == {}
    assert exit_code(run.pipeline, run.streams) == 1
    assert complaints(run.pipeline, run.streams) == [
        "rtsp://127.0.0.1:9/1: never connected: refused (Connection refused)"
    ]
    page = summary(figures(run.pipeline, run.streams))
    assert "camera: lost: bad data x" in page  # in words
    lines = (tmp_path / "steady.jsonl").read_text().splitlines()
    indices = [json.loads(line)["index"] for line in lines]
    assert all(before < after for before, after in pairwise(indices))


def test_a_server_killed_again_and_again_leaves_nothing_behind(clip: Path, tmp_path: Path) -> None:
    with (
        Server({"cam": {"clip": clip}}) as server,
        running(tmp_path, {"url": server.url("cam"), "name": "cam"}) as run,
    ):
        counts = []
        for life in range(1, 6):
            until(lambda life=life: status(run, "cam").connections == life)  # type: ignore[misc]
            more_of(run, "cam", frames=5)
            counts.append((threading.active_count(), len(os.listdir("/proc/self/fd"))))
            server.kill()
            until(lambda: status(run, "cam").state is not State.LIVE)
            server.start()
        assert len(set(counts[1:])) == 1  # the first connection also loads libraries
    assert run.pipeline.failures == []
    assert exit_code(run.pipeline, run.streams) == 0


def test_overload_drops_frames_with_a_reason_and_shares_the_engine(
    clip: Path, tmp_path: Path
) -> None:
    """Two cameras of 25 frames a second, and an engine that makes 20 in all."""
    each = {"max_age": 0.5, "attention": "off"}
    with (
        Server({"a": {"clip": clip}, "b": {"clip": clip}}) as server,
        running(
            tmp_path,
            *({"url": server.url(name), "name": name, **each} for name in "ab"),
            model={"engine": "fake", "seconds": 0.05},
        ) as run,
    ):
        more_of(run, "a", "b", frames=1)
        before = [emitted(run, name) for name in "ab"]
        more_of(run, "a", "b", frames=30)
        shares = [emitted(run, name) - seen for name, seen in zip("ab", before, strict=True)]
    balances = run.pipeline.ledger.balances
    for name in "ab":
        named = {f"{name}/decoded: overflow", f"{name}/decoded: max_age"}
        reasons = {f"{stage}: {reason}" for stage, reason in balances[name].dropped}
        assert reasons and reasons <= named
    assert min(shares) > 0.6 * max(shares)  # neither stream starves
    assert run.pipeline.failures == []


def test_glass_to_glass_frames_arrive_in_order_and_their_age_is_known(
    clip: Path, tmp_path: Path
) -> None:
    """RTSP in, the pipeline, RTSP out: the number in each frame tells when it was sent."""
    received = tmp_path / "received"
    with (
        Server({"cam": {"clip": clip}}) as camera,
        Server(receivers={"wall": received}) as wall,
        running(
            tmp_path,
            {"url": camera.url("cam"), "name": "cam"},
            outputs=[wall.url("wall")],
            tracker="none",
        ) as run,
    ):
        until(lambda: len(read_units(received)) >= 60)
        began_at = camera.wait_for("began_at")["began_at"]
        stream = figures(run.pipeline, run.streams)["streams"]["cam"]
    units = read_units(received)
    shown = [number for number in numbers_in(units) if number is not None]
    assert len(shown) >= 0.9 * len(units)
    assert all((b - a) % 100 > 0 for a, b in pairwise(shown))  # no frame twice or out of order
    first = shown[0]
    ages = [
        arrived_at - (began_at + (first + (number - first) % 100) / FPS)
        for (arrived_at, _), number in zip(units[:60], shown, strict=False)
    ]
    assert all(0 < age < CAP for age in ages)  # the benchmark `live glass` measures the values
    stages = ["decode", "preprocess", "submit", "collect", "suppress", "track", "rtsp wall"]
    assert list(stream["age_ms"]) == stages
    medians = [stream["age_ms"][stage]["p50"] for stage in stages]
    assert medians == sorted(medians)


def test_a_recording_continues_while_the_receiver_beside_it_is_dead(
    clip: Path, tmp_path: Path
) -> None:
    with (
        Server({"cam": {"clip": clip}}) as camera,
        Server(receivers={"wall": tmp_path / "received"}) as wall,
        running(
            tmp_path,
            {"url": camera.url("cam"), "name": "cam"},
            outputs=[
                {"url": wall.url("wall"), **QUICK},
                str(tmp_path / "{stream}.jsonl"),
            ],
        ) as run,
    ):
        (out,) = [o.sink for o in run.streams[0].outputs if o.viewer]
        receiver = out.status
        assert receiver
        until(lambda: receiver.state is State.LIVE)
        wall.kill()
        until(lambda: receiver.causes)
        more_of(run, "cam")
        wall.start()
        until(lambda: receiver.connections == 2)
    balance = run.pipeline.ledger.balances["cam"]
    lines = (tmp_path / "cam.jsonl").read_text().splitlines()
    assert len(lines) == balance.emitted == balance.decoded - balance.dropped.total()
    assert run.pipeline.failures == []


def test_a_failing_sink_ends_neither_its_live_stream_nor_the_other_sinks(
    clip: Path, tmp_path: Path
) -> None:
    with (
        Server({"cam": {"clip": clip}}) as server,
        running(
            tmp_path,
            {"url": server.url("cam"), "name": "cam"},
            outputs=["/dev/full/{stream}.jsonl", str(tmp_path / "{stream}.jsonl")],
        ) as run,
    ):
        until(lambda: run.pipeline.failures)
        until((tmp_path / "cam.jsonl").exists)
        seen = len((tmp_path / "cam.jsonl").read_text().splitlines())
        until(lambda: len((tmp_path / "cam.jsonl").read_text().splitlines()) > seen + 20)
    assert [failure.stage for failure in run.pipeline.failures] == ["cam/cam.jsonl"]
    assert exit_code(run.pipeline, run.streams) == 1


def test_no_output_of_a_run_contains_a_password(
    clip: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """conftest.py searches the output of every other test for it, too."""
    user = f"viewer:{PASSWORD}"
    with Server({"cam": {"clip": clip, "user": "viewer:another"}}) as server:
        urls = {
            "unauthorised": server.url("cam", user),
            "refused": f"rtsp://{user}@127.0.0.1:9/1?password={PASSWORD}",
            "hls": f"hls:http://{user}@127.0.0.1:9/1.m3u8?token={PASSWORD}",
            "mjpeg": f"mjpeg:http://{user}@127.0.0.1:9/1",
        }
        with running(
            tmp_path,
            *({"url": url, "name": name} for name, url in urls.items()),
            outputs=[f"rtsp://{user}@127.0.0.1:9/{{stream}}", str(tmp_path / "{stream}.jsonl")],
        ) as run:
            for name in urls:
                until(lambda name=name: status(run, name).causes)  # type: ignore[misc]
    outputs = [
        caplog.text,
        summary(figures(run.pipeline, run.streams)),
        *complaints(run.pipeline, run.streams),
        (tmp_path / "stats.json").read_text(),
        *(worker.name for worker in run.pipeline.workers),
        *(str(status(run, name)) for name in urls),
    ]
    assert "unauthorised" in "".join(outputs) and "refused" in "".join(outputs)
    assert not [text for text in outputs if PASSWORD in text]
