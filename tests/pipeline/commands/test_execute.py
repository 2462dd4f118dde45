"""A run goes on, ends and reports whatever becomes of its terminal and of its clients."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.cameras import CAP, until
from tests.support.paths import ROOT

RUN = [sys.executable, str(ROOT / "run_pipeline.py"), "--engine", "fake"]
ENDLESS = ["synthetic", "--realtime"]


def in_shell(redirection: str, *words: str) -> list[str]:
    return ["bash", "-c", f'exec "$@" {redirection}', "bash", *RUN, *words]


@contextmanager
def run_with(line: list[str], **streams: int) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(line, **streams) as child:  # type: ignore[call-overload]
        try:
            yield child
        finally:
            child.kill()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def grows(path: Path) -> None:
    until(lambda: path.exists() and path.stat().st_size > 0)


@pytest.mark.parametrize(
    "redirection", [">&-", "2>&-", ">&- 2>&-", ">/dev/full", "2>/dev/full", ">/dev/full 2>&1"]
)
def test_with_streams_that_take_nothing_a_run_reports_and_exits_with_0(
    tmp_path: Path, redirection: str
) -> None:
    options = ["synthetic", "--max-frames", "5", "--stats-json", str(tmp_path / "stats.json")]
    line = in_shell(redirection, *options, "--output", str(tmp_path / "a.jsonl"))
    assert subprocess.run(line, timeout=CAP, check=False).returncode == 0
    assert json.loads((tmp_path / "stats.json").read_text())["exit_code"] == 0
    lines = (tmp_path / "a.jsonl").read_text().splitlines()
    assert [json.loads(line)["index"] for line in lines] == list(range(5))


@pytest.mark.parametrize("broken", ["full", "no reader", "reader that does not read"])
def test_with_a_log_that_takes_nothing_one_signal_ends_a_run_with_a_dead_camera(
    tmp_path: Path, broken: str
) -> None:
    reader, writer = os.pipe()
    if broken == "no reader":
        os.close(reader)
    elif broken == "reader that does not read":
        os.set_blocking(writer, False)
        while True:
            try:
                os.write(writer, b"x" * 4096)
            except BlockingIOError:
                break
        os.set_blocking(writer, True)
    stderr = os.open("/dev/full", os.O_WRONLY) if broken == "full" else writer
    port = free_port()
    options = [*ENDLESS, "rtsp://127.0.0.1:1/dead", "--stats-json", str(tmp_path / "stats.json")]
    line = [*RUN, *options, "--output", str(tmp_path / "{stream}.jsonl")]
    try:
        with run_with([*line, "--serve", f"127.0.0.1:{port}"], stderr=stderr) as child:
            grows(tmp_path / "synthetic.jsonl")
            child.send_signal(signal.SIGTERM)
            assert child.wait(CAP) == 1  # as with a good log: the camera was never live
    finally:
        os.close(writer)
        if broken != "no reader":
            os.close(reader)
        if broken == "full":
            os.close(stderr)
    figures = json.loads((tmp_path / "stats.json").read_text())
    assert figures["streams"]["dead"]["connection"]["causes"].keys() == {"refused"}


def test_a_client_that_sends_a_request_for_ever_does_not_hold_up_the_end(tmp_path: Path) -> None:
    port = free_port()
    line = [*RUN, *ENDLESS, "--output", str(tmp_path / "{stream}.jsonl")]
    stats = tmp_path / "stats.json"
    with run_with([*line, "--serve", f"127.0.0.1:{port}", "--stats-json", str(stats)]) as child:
        grows(tmp_path / "synthetic.jsonl")
        with socket.create_connection(("127.0.0.1", port), timeout=CAP) as client:
            client.sendall(b"GET / HTTP/1.1\r\nX: a")
            child.send_signal(signal.SIGTERM)
            assert child.wait(CAP) == 0
    assert json.loads(stats.read_text())["exit_code"] == 0


def test_of_two_runs_with_one_output_the_second_is_refused(tmp_path: Path) -> None:
    output = ["--output", str(tmp_path / "a.jsonl")]
    with run_with([*RUN, *ENDLESS, *output]) as first:
        grows(tmp_path / "a.jsonl")
        second = subprocess.run(
            [*RUN, "synthetic", "--max-frames", "5", *output],
            capture_output=True,
            text=True,
            timeout=CAP,
            check=False,
        )
        first.send_signal(signal.SIGTERM)
        assert first.wait(CAP) == 0
    assert second.returncode == 1
    assert "another run is writing it: give another name, or end that run" in second.stderr
    assert len((tmp_path / "a.jsonl").read_text().splitlines()) > 5
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


def test_a_run_whose_engine_cannot_be_opened_ends_with_one_error_and_no_table(
    tmp_path: Path,
) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a model")
    manifest = json.loads((ROOT / "models/street/street.json").read_text())
    manifest["onnx_sha256"] = hashlib.sha256(b"not a model").hexdigest()
    broken.with_suffix(".json").write_text(json.dumps(manifest))
    stats = tmp_path / "stats.json"
    line = [*RUN, "synthetic", "--engine", "openvino", "--model", str(broken)]
    line += ["--output", str(tmp_path / "a.jsonl"), "--stats-json", str(stats)]
    ended = subprocess.run(line, capture_output=True, text=True, timeout=CAP, check=False)
    assert ended.returncode == 2
    assert ended.stdout == ""
    last = ended.stderr.splitlines()[-1]
    assert last.startswith(f"Error: OpenVINO cannot use '{broken}' on CPU: ")
    assert "`framelane models export`" in last  # what to do
    assert ended.stderr.count("Error: ") == 1
    assert json.loads(stats.read_text())["failures"][0]["stage"] == "submit"
    assert not (tmp_path / "a.jsonl").exists()
