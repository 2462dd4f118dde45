"""RTSP out: pushed to a real server or served by our own, never waited for."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from fractions import Fraction
from itertools import count, pairwise
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import av
import numpy as np
import pytest

from detector.detections import Detections
from detector.errors import UsageError
from pipeline.connections.status import Cause, State
from pipeline.frame import Frame, NotWritten, Picture, Stream, Ticket, Tracked, tickets_of
from pipeline.sinks import SinkError, make_sink
from pipeline.sinks.rtsp.sink import Rtsp
from pipeline.sources.street.frame_counter import read_counter
from tests.pipeline.sources.live.test_source import answering, live, looked_at
from tests.support.cameras import FPS, SIZE, Server, picture, read_units, require_gstreamer, until
from tests.support.environment import PASSWORD
from trackers.tracks import Tracks

STREAM = Stream("cam", "cam", Fraction(1, FPS), live=True)


def sink(url: str, **options: Any) -> Rtsp:
    """Return the sink as the builder makes it, with short pauses."""
    given = {"retry_seconds": 0.05, "longest_retry_seconds": 0.1, "timeout_seconds": 2.0} | options
    made = make_sink(url, classes=("object",), options=given)
    assert isinstance(made, Rtsp)
    return made


def shown(index: int, size: tuple[int, int] = SIZE) -> Tracked:
    """Return frame `index` of a camera, captured now, with its number burnt in."""
    bgr = picture(index, size)
    ticks = index * 3600
    frame = Frame(STREAM, index, ticks, ticks, Fraction(1, 90_000), monotonic(), Picture.of(bgr))
    return Tracked(frame, Tracks.untracked(Detections.empty()), bgr)


def fates(made: Rtsp, frames: Iterator[Tracked]) -> list[Ticket | NotWritten]:
    return [fate for frame in frames for fate in made.process(frame)]


def numbers(units: list[tuple[float, bytes]]) -> list[int | None]:
    """Return the numbers in the pictures of access units."""
    decoder: Any = av.CodecContext.create("h264", "r")
    decoder.flags |= 0x80000  # low delay
    frames = [frame for _, unit in units for frame in decoder.decode(av.Packet(unit))]
    return [read_counter(np.asarray(f.to_ndarray(format="bgr24"), np.uint8)) for f in frames]


def paced(frames: Iterator[int]) -> Iterator[Tracked]:
    """Yield frames at the pace of a camera."""
    tick, began_at = Event(), monotonic()
    for number, index in enumerate(frames):
        tick.wait(began_at + number / FPS - monotonic())
        yield shown(index)


def test_every_picture_that_is_pushed_arrives_whole_and_in_order(tmp_path: Path) -> None:
    require_gstreamer()
    received = tmp_path / "received"
    with Server(receivers={"wall": received}) as server, closing(sink(server.url("wall"))) as made:
        found = fates(made, paced(iter(range(60))))
        assert [tickets_of(fate)[0].index for fate in found] == list(range(60))
        assert all(isinstance(fate, Ticket) for fate in found)
        assert made.status.state is State.LIVE
        until(lambda: len(read_units(received)) >= 60)
    assert numbers(read_units(received)) == list(range(60))


def test_a_receiver_that_is_killed_is_found_again_and_begins_with_a_key_picture(
    tmp_path: Path,
) -> None:
    require_gstreamer()
    received = tmp_path / "received"
    with Server(receivers={"wall": received}) as server, closing(sink(server.url("wall"))) as made:
        frames = map(shown, count())
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
    again = numbers(read_units(received))
    assert all(b - a == 1 for a, b in pairwise(again) if a is not None and b is not None)
    assert None not in again
    assert [tickets_of(fate)[0].index for fate in found] == list(range(len(found)))
    left = {fate.reason for fate in found if isinstance(fate, NotWritten)}
    assert left == {"not connected"}


def test_a_receiver_that_freezes_costs_pictures_not_time_nor_memory(tmp_path: Path) -> None:
    require_gstreamer()
    rng = np.random.default_rng(0)

    def noise() -> Iterator[Tracked]:
        for index in count():
            frame = shown(index, (640, 480))
            bgr = rng.integers(0, 256, (480, 640, 3), np.uint8)
            yield Tracked(frame.frame, frame.tracks, bgr)

    with (
        Server(receivers={"wall": tmp_path / "received"}) as server,
        closing(sink(server.url("wall"), bit_rate=20_000_000, timeout_seconds=4.0)) as made,
    ):
        frames = noise()
        fates(made, (next(frames) for _ in range(3)))
        server.freeze()
        longest, seen = 0.0, set()
        while made.status.causes[Cause.TIMED_OUT] == 0:
            began_at = monotonic()
            found = fates(made, (next(frames) for _ in range(1)))
            longest = max(longest, monotonic() - began_at)
            seen |= {fate.reason for fate in found if isinstance(fate, NotWritten)}
            if made._receiver:
                assert made._receiver.backlog < 1.2 * (1 << 20)
        assert "the receiver is slow" in seen
        assert longest < 2.0  # no call waits for the receiver
        server.thaw()


def test_what_a_server_answers_to_a_publisher_has_a_name() -> None:
    with answering(b"RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n\r\n") as url:
        assert trouble(url) is Cause.UNAUTHORISED
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url:
        assert trouble(url) is Cause.BAD_DATA
    with answering(b"") as url:
        assert trouble(url) is Cause.ENDED_BY_PEER
    with answering(None) as url:
        assert trouble(url, timeout_seconds=0.3) is Cause.TIMED_OUT
    assert trouble("rtsp://127.0.0.1:9/wall") is Cause.REFUSED
    assert trouble("rtsp://camera.invalid/wall") is Cause.UNREACHABLE


def trouble(url: str, **options: object) -> Cause:
    """Return why a receiver cannot be reached; every picture is left out, and no password told."""
    made = sink(url, **options)
    found = fates(made, map(shown, range(2)))
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


class Watched:
    """A sink that is given a picture 25 times a second, on a thread of its own."""

    def __init__(self, made: Rtsp) -> None:
        self.made = made
        self.fates: list[Ticket | NotWritten] = []
        self._over = Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Watched:
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


def test_our_own_server_shows_several_streams_to_whoever_watches() -> None:
    require_gstreamer()
    port = free_port()
    urls = [f"rtsp://127.0.0.1:{port}/{name}" for name in ("one", "two")]
    before = children()
    with Watched(sink(f"{urls[0]}?serve=1")), Watched(sink(f"{urls[1]}?serve=1")):
        for url in (urls[0], urls[0], urls[1]):
            until(lambda url=url: watchable(url))  # type: ignore[misc]
        assert len(children() - before) == 1  # one server for both
    assert children() == before


def watchable(url: str, least: int = 10) -> bool:
    """Return whether pictures can be read there, one after the other."""
    source = live(url)
    with looked_at(source) as found:
        until(lambda: source.status.causes or len(found) >= least)
        pictures = [read_counter(item.picture.bgr) for item in found if hasattr(item, "picture")]
    known = [number for number in pictures if number is not None]
    assert all(b - a == 1 for a, b in pairwise(known))
    return len(known) >= least - 5 and source.status.state is State.ENDED


def children() -> set[str]:
    """Return the processes that any of our threads has started and that are still there."""
    found = set()
    for path in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):  # the thread has ended
            found |= set(path.read_text().split())
    return found


def test_our_own_server_asks_for_a_password_where_the_url_has_one() -> None:
    require_gstreamer()
    port = free_port()
    made = sink(f"rtsp://viewer:{PASSWORD}@127.0.0.1:{port}/cam?serve=1")
    with Watched(made):
        until(lambda: made.status.state is State.LIVE)
        until(lambda: watchable(f"rtsp://viewer:{PASSWORD}@127.0.0.1:{port}/cam"))
        source = live(f"rtsp://127.0.0.1:{port}/cam")
        with looked_at(source):
            until(lambda: source.status.causes)
        assert source.status.causes.keys() == {Cause.UNAUTHORISED}
        commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children()]
        assert not any(PASSWORD.encode() in command for command in commands)


def test_a_port_that_is_taken_is_an_error_that_names_it() -> None:
    require_gstreamer()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        made = sink(f"rtsp://127.0.0.1:{port}/cam?serve=1")
        with pytest.raises(SinkError, match=f"cannot serve RTSP at 127.0.0.1:{port}"):
            made.process(shown(0))
        made.close()


def test_a_server_process_that_dies_is_started_again() -> None:
    require_gstreamer()
    port = free_port()
    before = children()
    made = sink(f"rtsp://127.0.0.1:{port}/cam?serve=1")
    with Watched(made):
        until(lambda: made.status.state is State.LIVE)
        (server,) = children() - before
        os.kill(int(server), 9)
        until(lambda: made.status.connections == 2)
        until(lambda: watchable(f"rtsp://127.0.0.1:{port}/cam"))


def test_without_gstreamer_serving_is_refused_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from pipeline.sinks.rtsp import server as rtsp_serving

    rtsp_serving.has_server.cache_clear()
    monkeypatch.setattr(rtsp_serving, "SYSTEM_PYTHON", "/nowhere/python3")
    with pytest.raises(UsageError, match="install the Debian packages python3-gi"):
        sink("rtsp://0.0.0.0:8554/cam?serve=1")
    rtsp_serving.has_server.cache_clear()


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("rtsp://127.0.0.1:8554", "rtsp://HOST:PORT/PATH is expected"),
        (f"rtmp://me:{PASSWORD}@host/1", r"output 'rtmp://host/1': no sink writes that"),
    ],
)
def test_what_cannot_be_published_to_is_refused(url: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint) as caught:
        sink(url)
    assert PASSWORD not in str(caught.value)


def test_an_encoder_that_is_not_there_is_an_error_that_names_it() -> None:
    with pytest.raises(SinkError, match="h264_v4l2m2m cannot be opened"):
        sink("rtsp://127.0.0.1:9/cam", encoder="h264_v4l2m2m").process(shown(0))
