"""RTSP output: pushed to a real server or served by our own, without waiting."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from fractions import Fraction
from itertools import count, pairwise
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import numpy as np
import pytest

from detector.detections import Detections
from detector.errors import UsageError
from detector.renamed import RenamedWarning
from detector.yuv.planes import Planes
from pipeline.codecs.encoder_choice import EncoderError
from pipeline.connections.status import Cause, State
from pipeline.frames.fate import NotWritten, Ticket
from pipeline.frames.frame import Frame
from pipeline.frames.item import tickets_of
from pipeline.frames.picture import Picture
from pipeline.frames.result import Tracked
from pipeline.frames.stream import Stream
from pipeline.sinks import SinkError, make_sink
from pipeline.sinks.rtsp.serve import RtspServeSink
from pipeline.sinks.rtsp.server import require_server
from pipeline.sinks.rtsp.sink import MAX_BACKLOG, RtspSink
from pipeline.sources import Decoded
from pipeline.sources.street.frame_counter import read_counter
from tests.support.cameras import (
    CAP,
    FPS,
    SIZE,
    Server,
    numbered_frame,
    numbers_in,
    read_units,
    require_gstreamer,
    until,
)
from tests.support.environment import PASSWORD
from tests.support.gstreamer import gstreamer_children
from tests.support.live_streams import answering, live, reading
from trackers.tracks import Tracks

STREAM = Stream("cam", "cam", Fraction(1, FPS), live=True)


def sink(url: str, **options: Any) -> RtspSink:
    """Return the sink as the builder makes it, with short pauses between attempts."""
    quick = {"retry_seconds": 0.05, "max_retry_seconds": 0.1, "timeout_seconds": 2.0}
    made = make_sink(url, classes=("object",), options=quick | options)
    assert isinstance(made, RtspSink)
    return made


def captured(index: int, size: tuple[int, int] = SIZE) -> Tracked:
    """Return frame `index` of a camera, captured now, with its number drawn."""
    bgr = numbered_frame(index, size)
    ticks = index * 3600
    frame = Frame(STREAM, index, ticks, ticks, Fraction(1, 90_000), monotonic(), Picture.of(bgr))
    return Tracked(frame, Tracks.untracked(Detections.empty()), frame.picture.planes)


def fates(made: RtspSink, frames: Iterator[Tracked]) -> list[Ticket | NotWritten]:
    return [fate for frame in frames for fate in made.process(frame)]


def paced(frames: Iterator[int]) -> Iterator[Tracked]:
    """Yield frames at the pace of a camera."""
    tick, began_at = Event(), monotonic()
    for number, index in enumerate(frames):
        tick.wait(began_at + number / FPS - monotonic())
        yield captured(index)


def test_every_pushed_frame_arrives_complete_and_in_order(tmp_path: Path) -> None:
    require_gstreamer()
    received = tmp_path / "received"
    with Server(receivers={"wall": received}) as server, closing(sink(server.url("wall"))) as made:
        found = fates(made, paced(iter(range(60))))
        assert [tickets_of(fate)[0].index for fate in found] == list(range(60))
        assert all(isinstance(fate, Ticket) for fate in found)
        assert made.status.state is State.LIVE
        until(lambda: len(read_units(received)) >= 60)
    assert numbers_in(read_units(received)) == list(range(60))


def test_a_killed_encoder_process_costs_one_frame_and_the_stream_goes_on(tmp_path: Path) -> None:
    require_gstreamer()
    received = tmp_path / "received"
    with (
        Server(receivers={"wall": received}) as server,
        closing(sink(server.url("wall"), encoder="gstreamer")) as made,
    ):
        found = fates(made, paced(iter(range(10))))
        (encoder,) = gstreamer_children()
        os.kill(encoder, signal.SIGKILL)
        found += fates(made, paced(iter(range(10, 21))))
        assert [fate.reason for fate in found if isinstance(fate, NotWritten)] == [
            "the encoder broke"
        ]
        assert made.status.state is State.LIVE
        until(lambda: len(read_units(received)) >= 20)
    assert numbers_in(read_units(received)) == [*range(10), *range(11, 21)]


def test_after_a_restart_of_the_receiver_the_stream_continues_with_a_keyframe(
    tmp_path: Path,
) -> None:
    require_gstreamer()
    received = tmp_path / "received"
    with Server(receivers={"wall": received}) as server, closing(sink(server.url("wall"))) as made:
        frames = map(captured, count())
        found = fates(made, (next(frames) for _ in range(10)))
        until(lambda: len(read_units(received)) >= 10)
        server.kill()
        received.unlink()
        while made.status.state is not State.BACKOFF:
            found += fates(made, (next(frames) for _ in range(1)))
        server.start()
        while made.status.connections < 2:
            found += fates(made, (next(frames) for _ in range(1)))
        found += fates(made, (next(frames) for _ in range(10)))
        until(lambda: len(read_units(received)) >= 11)
    again = numbers_in(read_units(received))
    assert all(b - a == 1 for a, b in pairwise(again) if a is not None and b is not None)
    assert None not in again
    assert [tickets_of(fate)[0].index for fate in found] == list(range(len(found)))
    left = {fate.reason for fate in found if isinstance(fate, NotWritten)}
    assert left == {"not connected"}


def test_a_frozen_receiver_costs_frames_but_neither_time_nor_memory(tmp_path: Path) -> None:
    require_gstreamer()
    rng = np.random.default_rng(0)

    def noise() -> Iterator[Tracked]:
        for index in count():
            frame = captured(index, (640, 480))
            bgr = rng.integers(0, 256, (480, 640, 3), np.uint8)
            yield Tracked(frame.frame, frame.tracks, Planes.of_bgr(bgr))

    with (
        Server(receivers={"wall": tmp_path / "received"}) as server,
        closing(sink(server.url("wall"), bit_rate=20_000_000, timeout_seconds=4.0)) as made,
    ):
        frames = noise()
        fates(made, (next(frames) for _ in range(3)))
        server.freeze()
        slowest, seen = 0.0, set()
        while made.status.causes[Cause.TIMED_OUT] == 0:
            began_at = monotonic()
            found = fates(made, (next(frames) for _ in range(1)))
            slowest = max(slowest, monotonic() - began_at)
            seen |= {fate.reason for fate in found if isinstance(fate, NotWritten)}
            assert made.backlog < 1.2 * MAX_BACKLOG
        assert "the receiver is slow" in seen
        assert slowest < 2.0  # no call waits for the receiver
        server.thaw()


def test_every_answer_to_a_publisher_has_a_cause() -> None:
    with answering(b"RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n\r\n") as url:
        assert trouble(url) is Cause.UNAUTHORISED
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url:
        assert trouble(url) is Cause.BAD_DATA
    with answering(b"") as url:
        assert trouble(url) is Cause.ENDED_BY_PEER
    with answering(b"RTSP/1.0 200 OK\r\nContent-Length: abc\r\n\r\n") as url:
        assert trouble(url) is Cause.BAD_DATA
    with answering(None) as url:
        assert trouble(url, timeout_seconds=0.3) is Cause.TIMED_OUT
    assert trouble("rtsp://127.0.0.1:9/wall") is Cause.REFUSED
    assert trouble("rtsp://camera.invalid/wall") is Cause.UNREACHABLE


def test_the_end_of_a_run_does_not_wait_for_a_receiver() -> None:
    with answering(None) as url, closing(sink(url, timeout_seconds=1000.0)) as made:
        frame = captured(0)
        stream = Stream("cam", "cam", Fraction(1, FPS))
        stream.cut.set()
        item = replace(frame, frame=replace(frame.frame, stream=stream))
        (fate,) = made.process(item)
        assert isinstance(fate, NotWritten)
        assert not made.status.causes  # that is no fault of the receiver


def test_a_receiver_that_floods_us_with_bytes_costs_neither_time_nor_memory() -> None:
    with flooding() as url, closing(sink(url)) as made:
        found = fates(made, map(captured, range(50)))
        assert all(isinstance(fate, Ticket) for fate in found)
        assert made.status.connections == 1


@contextmanager
def flooding() -> Iterator[str]:
    """Accept a publisher, and then send without end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client, suppress(OSError):
                for _ in range(4):
                    client.recv(1 << 14)
                    client.sendall(b"RTSP/1.0 200 OK\r\nSession: 1\r\n\r\n")
                while True:
                    client.sendall(bytes(1 << 16))

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"rtsp://127.0.0.1:{listener.getsockname()[1]}/wall"
    thread.join(CAP)


def trouble(url: str, **options: object) -> Cause:
    """Return why a receiver cannot be reached; no frame is written, and no password is shown."""
    made = sink(url, **options)
    found = fates(made, map(captured, range(2)))
    assert [type(fate) for fate in found] == [NotWritten, NotWritten]
    made.finish()
    made.close()
    assert made.status.trouble
    assert PASSWORD not in str(made.status) + str(made.status.snapshot())
    return made.status.trouble.cause


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class Running:
    """A sink that gets 25 frames per second, on a thread of its own."""

    def __init__(self, made: RtspSink) -> None:
        self.made = made
        self.fates: list[Ticket | NotWritten] = []
        self._over = Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Running:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.made.close()

    def _run(self) -> None:
        for frame in paced(count()):
            if self._over.is_set():
                return
            self.fates += self.made.process(frame)


def test_one_server_process_serves_several_streams_to_several_viewers() -> None:
    require_gstreamer()
    port = free_port()
    urls = [f"rtsp://127.0.0.1:{port}/{name}" for name in ("one", "two")]
    before = children()
    with Running(sink(f"{urls[0]}?serve=1")), Running(sink(f"{urls[1]}?serve=1")):
        for url in (urls[0], urls[0], urls[1]):
            until(lambda url=url: is_playable(url))  # type: ignore[misc]
        assert len(children() - before) == 1  # one server for both
    assert children() == before


def is_playable(url: str, frames: int = 10) -> bool:
    """Return whether consecutive frames can be read there."""
    source = live(url)
    with reading(source) as found:
        until(lambda: source.status.causes or len(found) >= frames)
        numbers = [read_counter(item.picture.bgr) for item in found if isinstance(item, Decoded)]
    known = [number for number in numbers if number is not None]
    assert all(b - a == 1 for a, b in pairwise(known))
    return len(known) >= frames - 5 and source.status.state is State.ENDED


def children() -> set[str]:
    """Return the running child processes of all our threads."""
    found = set()
    for path in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):  # the thread has ended
            found |= set(path.read_text().split())
    return found


def test_our_own_server_asks_for_the_password_in_the_url() -> None:
    require_gstreamer()
    port = free_port()
    made = sink(f"rtsp://viewer:{PASSWORD}@127.0.0.1:{port}/cam?serve=1")
    with Running(made):
        until(lambda: made.status.state is State.LIVE)
        until(lambda: is_playable(f"rtsp://viewer:{PASSWORD}@127.0.0.1:{port}/cam"))
        source = live(f"rtsp://127.0.0.1:{port}/cam")
        with reading(source):
            until(lambda: source.status.causes)
        assert source.status.causes.keys() == {Cause.UNAUTHORISED}
        commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children()]
        assert not any(PASSWORD.encode() in command for command in commands)


def test_a_port_in_use_is_an_error_that_names_it() -> None:
    require_gstreamer()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        made = sink(f"rtsp://127.0.0.1:{port}/cam?serve=1")
        with pytest.raises(SinkError, match=f"cannot serve RTSP at 127.0.0.1:{port}"):
            made.process(captured(0))
        made.close()


def test_a_server_process_that_is_killed_is_started_again() -> None:
    require_gstreamer()
    port = free_port()
    before = children()
    made = sink(f"rtsp://127.0.0.1:{port}/cam?serve=1")
    with Running(made):
        until(lambda: made.status.state is State.LIVE)
        (server,) = children() - before
        os.kill(int(server), 9)
        until(lambda: made.status.connections == 2)
        until(lambda: is_playable(f"rtsp://127.0.0.1:{port}/cam"))


def test_without_gstreamer_the_error_says_what_to_install() -> None:
    with pytest.raises(UsageError, match="install the Debian packages python3-gi") as refused:
        require_server(f"rtsp://me:{PASSWORD}@0.0.0.0/cam?serve=1", python="/nowhere/python3")
    assert PASSWORD not in str(refused.value)


def test_old_options_work_with_a_warning() -> None:
    require_gstreamer()
    with pytest.warns(RenamedWarning, match="longest_retry_seconds is called max_retry_seconds"):
        make_sink("rtsp://host/cam", classes=(), options={"longest_retry_seconds": 3})
    with pytest.warns(RenamedWarning, match=r"is called \?serve=1 in its URL"):
        serving = sink("rtsp://127.0.0.1/cam", serve=True)
    assert isinstance(serving, RtspServeSink)
    with pytest.warns(RenamedWarning):
        assert not isinstance(sink("rtsp://127.0.0.1/cam", serve=False), RtspServeSink)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("rtsp://127.0.0.1:8554", "give rtsp://HOST:PORT/PATH"),
        (f"rtmp://me:{PASSWORD}@host/1", r"output 'rtmp://host/1': no sink writes that"),
    ],
)
def test_a_url_without_a_path_or_of_another_scheme_is_refused(url: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint) as caught:
        sink(url)
    assert PASSWORD not in str(caught.value)


def test_a_missing_encoder_is_an_error_that_names_it() -> None:
    with pytest.raises(EncoderError, match=r"cam': encoder: v4l2m2m: .*: choose auto or software"):
        sink("rtsp://127.0.0.1:9/cam", encoder="h264_v4l2m2m").open()
