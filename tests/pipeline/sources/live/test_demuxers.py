"""Kinds of live streams, and those that are not RTSP: HTTP MJPEG, HLS, pipes, V4L2 cameras."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import Any

import av
import pytest

from pipeline.connections.status import Cause, State
from pipeline.sources import Decoded
from pipeline.sources.live.demuxers import live_kind
from tests.support.cameras import CAP, FPS, SIZE, encoded, numbered, until
from tests.support.ffmpeg import tool
from tests.support.live_streams import decoded, live, numbers, reading, trouble


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("rtsp://cam/1", "rtsp"),
        ("rtsps://cam/1", "rtsps"),
        ("http://cam/live.m3u8?token=1", "hls"),
        ("http://cam/video.mjpg", "mjpeg"),
        ("hls:https://cam/anything", "hls"),
        ("camera:0", "camera"),
        ("/dev/null", "camera"),  # every character device
        ("http://cam/clip.mp4", None),
        ("clip.mp4", None),
        ("rtmp://cam/1", None),
    ],
)
def test_the_url_tells_the_kind_of_live_stream(url: str, kind: str | None) -> None:
    assert live_kind(url) == kind


class Mjpeg(BaseHTTPRequestHandler):
    """Sends a sequence of JPEG images, as simple cameras do."""

    jpegs: list[bytes]

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for jpeg in self.jpegs:
            header = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            with suppress(ConnectionError):  # the client has seen enough
                self.wfile.write(header.encode() + jpeg + b"\r\n")

    def log_message(self, *_: object) -> None:
        pass


class Folder(SimpleHTTPRequestHandler):
    """Serves files without a log."""

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def http(handler: Any) -> Iterator[str]:
    """Serve on the loopback address, and yield the URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(CAP)


def test_http_mjpeg_is_read_frame_by_frame_and_its_end_is_a_lost_connection() -> None:
    jpegs = [bytes(packet) for packet in encoded(numbered(frames=30), "mjpeg")]
    handler = type("Handler", (Mjpeg,), {"jpegs": jpegs})
    with http(handler) as url:
        source = live(f"{url}/video.mjpg", max_age=None)
        with reading(source) as found:
            until(lambda: source.status.causes[Cause.ENDED_BY_PEER])
    assert numbers([item for item in found if isinstance(item, Decoded)])[:30] == list(range(30))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """75 numbered frames, 3 s, as MPEG-TS."""
    path = tmp_path_factory.mktemp("clips") / "clip.ts"
    with av.open(str(path), "w") as container:
        packets = list(encoded(numbered(frames=75)))
        stream: Any = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height = SIZE
        for packet in packets:
            packet.stream = stream
            packet.time_base = stream.codec_context.time_base or packet.time_base
            container.mux(packet)
    return path


@contextmanager
def ffmpeg(*arguments: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run ffmpeg during the test."""
    tool("ffmpeg", "-version")  # skips visibly if it is not installed
    line = ["ffmpeg", "-nostdin", "-v", "error", *map(str, arguments)]
    with subprocess.Popen(line, stderr=subprocess.DEVNULL) as process:
        yield process
        process.kill()


def test_hls_frames_come_one_by_one_at_their_own_pace(clip: Path, tmp_path: Path) -> None:
    listing = tmp_path / "live.m3u8"
    writing = ("-f", "hls", "-hls_time", "0.8", "-hls_list_size", "5")
    with (
        ffmpeg("-re", "-i", clip, "-c", "copy", *writing, listing),
        http(partial(Folder, directory=str(tmp_path))) as url,
    ):
        until(lambda: listing.exists() and listing.read_text().count(".ts") >= 2)
        with closing(live(f"{url}/live.m3u8", reconnect=False, max_age=None)) as source:
            found = list(decoded(source))
            assert source.status.state is State.ENDED
    shown = numbers(found)
    assert shown == list(range(shown[0] or 0, 75))
    seconds = [b.captured_at - a.captured_at for a, b in pairwise(found)]
    assert sum(step > 0.02 for step in seconds) >= 15  # frame by frame, not segment by segment


def test_a_named_pipe_is_read_from_one_writer_after_the_other(clip: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "camera"
    os.mkfifo(pipe)
    source = live(str(pipe), timeout_seconds=20.0, max_age=None)
    with reading(source) as found:
        for connections in (1, 2):
            with ffmpeg("-y", "-i", clip, "-c", "copy", "-f", "mpegts", pipe) as writer:
                writer.wait(CAP)
            until(lambda n=connections: source.status.causes[Cause.ENDED_BY_PEER] == n)  # type: ignore[misc]
    shown = [item for item in found if isinstance(item, Decoded)]
    assert numbers(shown) == [*range(75), *range(75)]
    assert all(a.pts < b.pts for a, b in pairwise(shown))  # type: ignore[operator]


def test_a_pipe_without_a_writer_times_out_and_can_be_stopped(tmp_path: Path) -> None:
    pipe = tmp_path / "camera"
    os.mkfifo(pipe)
    assert trouble(str(pipe), timeout_seconds=0.3)[0] is Cause.TIMED_OUT
    source = live(str(pipe), timeout_seconds=1000.0)
    with reading(source):
        until(lambda: source.status.state is State.CONNECTING)


def test_a_missing_v4l2_camera_is_not_found() -> None:
    assert trouble("camera:77")[0] is Cause.NOT_FOUND
