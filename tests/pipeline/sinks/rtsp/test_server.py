"""Our own RTSP server towards viewers that are not trusted, and its passwords and paths."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import count
from pathlib import Path
from threading import Event

import pytest

from detector.errors import UsageError
from pipeline.assembly.run import build
from pipeline.connections.status import Cause, State
from pipeline.sinks import SinkError
from pipeline.sinks.rtsp.server import Server
from pipeline.sinks.rtsp.sink import RtspSink
from tests.pipeline.sinks.test_rtsp import captured, free_port, sink
from tests.support.cameras import CAP, FPS, require_gstreamer, until
from tests.support.environment import PASSWORD
from tests.support.live_streams import live, reading
from tests.support.paths import ROOT
from tests.support.runs import minimal_config


@contextmanager
def served(*urls: str) -> Iterator[list[RtspSink]]:
    """Serve numbered frames at these URLs."""
    require_gstreamer()
    over = Event()

    def run(made: RtspSink) -> None:
        for index in count():
            if over.wait(1 / FPS):
                return
            made.process(captured(index))

    with ExitStack() as open_sinks:
        made = [open_sinks.enter_context(closing(sink(f"{url}?serve=1"))) for url in urls]
        threads = [threading.Thread(target=run, args=(each,)) for each in made]
        for thread in threads:
            thread.start()
        try:
            until(lambda: all(each.status.state is State.LIVE for each in made))
            yield made
        finally:
            over.set()
            for thread in threads:
                thread.join(CAP)


def answer_to(url: str) -> Cause | None:
    """Return why a viewer gets nothing there, None if it gets frames."""
    source = live(url)
    with reading(source) as found:
        until(lambda: found or source.status.causes)
    return next(iter(source.status.causes), None)


def test_each_path_has_its_own_password_or_none() -> None:
    port = free_port()
    at = f"127.0.0.1:{port}"
    with served(
        f"rtsp://admin:first@{at}/a", f"rtsp://admin:second@{at}/b", f"rtsp://{at}/open/all"
    ):
        assert answer_to(f"rtsp://admin:first@{at}/a") is None
        assert answer_to(f"rtsp://admin:second@{at}/b") is None
        assert answer_to(f"rtsp://{at}/open/all") is None
        for wrong in ("admin:second@", "admin:@", ""):
            assert answer_to(f"rtsp://{wrong}{at}/a") is Cause.UNAUTHORISED
        assert answer_to(f"rtsp://admin:first@{at}/b") is Cause.UNAUTHORISED
        assert answer_to(f"rtsp://{at}/none") is Cause.NOT_FOUND
        assert answer_to(f"rtsp://{at}/open") is Cause.NOT_FOUND


def test_a_path_that_is_taken_is_refused_and_free_again_later() -> None:
    url = f"rtsp://127.0.0.1:{free_port()}/cam"
    with served(url):
        with (
            closing(sink(f"{url}?serve=1")) as second,
            pytest.raises(SinkError, match="another stream is served there: give each"),
        ):
            second.process(captured(0))
        assert answer_to(url) is None  # the first one goes on
    with served(url):
        assert answer_to(url) is None


def child_megabytes() -> int:
    (server,) = Server._servers.values()
    lines = Path(f"/proc/{server._process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) >> 10


def send_on(flood: socket.socket) -> None:
    for _ in range(10_000):
        flood.sendall(b"X: aaaaaaaaaaa\r\n" * (1 << 16))


REQUEST = "DESCRIBE rtsp://x/cam RTSP/1.0\r\nCSeq: 1\r\n"
FLOODS = {
    "body": REQUEST + "Content-Length: 1500000000\r\n\r\n",
    "headers": REQUEST,
    "options": "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n",
    "one line": "DESCRIBE ",
    "unknown path": REQUEST.replace("cam", "none") + "Content-Length: 1500000000\r\n\r\n",
    "rubbish": "\0",
    "tunnel": "GET /cam HTTP/1.0\r\nx-sessioncookie: a\r\n",
}


@pytest.mark.parametrize("begin", FLOODS.values(), ids=FLOODS)
def test_a_viewer_that_sends_without_end_is_cut_off(begin: str) -> None:
    port = free_port()
    with served(f"rtsp://viewer:{PASSWORD}@127.0.0.1:{port}/cam") as (made,):
        before = child_megabytes()
        with socket.create_connection(("127.0.0.1", port), CAP) as flood:
            flood.sendall(begin.encode())
            with pytest.raises(OSError, match=r"reset|Broken pipe"):
                send_on(flood)
        assert child_megabytes() - before < 100
        assert made.status.state is State.LIVE
        assert answer_to(f"rtsp://viewer:{PASSWORD}@127.0.0.1:{port}/cam") is None


def test_options_of_the_server_as_a_whole_are_answered_before_the_path_is_known() -> None:
    port = free_port()
    with (
        served(f"rtsp://127.0.0.1:{port}/cam"),
        socket.create_connection(("127.0.0.1", port), CAP) as viewer,
        viewer.makefile("rb") as answers,
    ):
        viewer.sendall(b"OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n")
        assert answers.readline() == b"RTSP/1.0 200 OK\r\n"
        assert answers.readline() == b"CSeq: 7\r\n"
        while answers.readline() != b"\r\n":
            pass
        viewer.sendall(b"DESCRIBE rtsp://x/cam RTSP/1.0\r\nCSeq: 8\r\n\r\n")
        assert answers.readline() == b"RTSP/1.0 200 OK\r\n"


def connected(port: int, host: str) -> socket.socket:
    """Return a viewer with this address of the loopback interface."""
    return socket.create_connection(("127.0.0.1", port), CAP, source_address=(host, 0))


def test_the_number_of_viewers_is_limited() -> None:
    port = free_port()
    with served(f"rtsp://127.0.0.1:{port}/cam") as (made,), ExitStack() as idle:
        for host in (f"127.0.0.{number}" for number in range(1, 5)):
            for _ in range(25):
                idle.enter_context(connected(port, host))
        refused = idle.enter_context(connected(port, "127.0.0.5"))
        assert refused.recv(1) == b""
        assert made.status.state is State.LIVE


def test_one_address_does_not_take_the_places_of_all_viewers() -> None:
    port = free_port()
    with served(f"rtsp://127.0.0.1:{port}/cam"), ExitStack() as idle:
        for _ in range(25):
            idle.enter_context(connected(port, "127.0.0.1"))
        refused = idle.enter_context(connected(port, "127.0.0.1"))
        assert refused.recv(1) == b""
        with connected(port, "127.0.0.2") as viewer, viewer.makefile("rb") as answers:
            viewer.sendall(b"DESCRIBE rtsp://x/cam RTSP/1.0\r\nCSeq: 8\r\n\r\n")
            assert answers.readline() == b"RTSP/1.0 200 OK\r\n"


def test_the_server_process_has_nothing_of_our_environment_but_what_it_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOOR_PASSWORD", PASSWORD)
    with served(f"rtsp://127.0.0.1:{free_port()}/cam"):
        (server,) = Server._servers.values()
        environment = Path(f"/proc/{server._process.pid}/environ").read_bytes()
    assert b"PATH=" in environment
    assert PASSWORD.encode() not in environment


def test_two_streams_at_one_address_are_refused_before_the_run_starts(tmp_path: Path) -> None:
    sources = [{"url": f"camera:{k}", "name": f"cam{k}"} for k in (1, 2)]
    config = minimal_config(tmp_path, *sources, outputs=["rtsp://me:a@host/wall"])
    with pytest.raises(UsageError, match="rtsp://host/wall would show two streams"):
        build(config)


def test_a_killed_run_leaves_nothing_behind(tmp_path: Path) -> None:
    require_gstreamer()
    code = (
        "from pipeline.sinks.rtsp.server import Server\n"
        f"server = Server('127.0.0.1', {free_port()}); print('ready', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stdout is not None and run.stdout.readline() == "ready\n"
        assert len(list(tmp_path.iterdir())) == 1  # the folder of the socket
        run.kill()
    until(lambda: not list(tmp_path.iterdir()))
