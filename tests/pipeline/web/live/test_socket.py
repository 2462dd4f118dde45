"""The live view of a real camera: its own packets, and tracks at the same times; else JPEG."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed

from pipeline.sources.street.frame_counter import read_counter
from tests.support.cameras import (
    CAP,
    FPS,
    Server,
    numbered,
    require_gstreamer,
    until,
    write_units,
)
from tests.support.ffmpeg import tool
from tests.support.live_view import watching
from tests.support.recordings import write_recording
from tests.support.runs import emitted, minimal_config, quick_clip
from tests.support.web import Visitor, visited

HERTZ = 90_000
SIZES = {"drawn": (1024, 128), "plain": (512, 64)}  # width and height of their frames


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    require_gstreamer()
    folder = tmp_path_factory.mktemp("clips")
    plain = write_units(folder / "plain", numbered())
    reordered = write_units(folder / "reordered", numbered(), bframes=2)
    cameras = {"plain": {"clip": plain}, "reordered": {"clip": reordered}}
    with Server(cameras) as server:
        yield server


@pytest.fixture(scope="module")
def visitor(camera: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    config = minimal_config(
        tmp_path_factory.mktemp("out"),
        quick_clip(10**9, name="drawn", realtime=True, width=1024),
        *({"url": camera.url(name), "name": name} for name in ("plain", "reordered")),
        serve={"address": "127.0.0.1:0"},
    )
    with visited(config) as found:
        until(lambda: all(emitted(found.run, name) for name in ("drawn", "plain", "reordered")))
        yield found


@pytest.mark.parametrize("name", ["plain", "reordered"])
def test_the_cameras_own_frames_arrive_with_tracks_of_the_same_times(
    visitor: Visitor, name: str
) -> None:
    with watching(visitor.port, name) as watcher:
        about = watcher.until("format")
        assert about["mime"].startswith('video/mp4; codecs="avc1.')
        assert (about["width"], about["height"]) == (512, 64)
        while len(watcher.binary) < 60 or len(watcher.of("tracks")) < 30:
            watcher.read()
    with av.open(BytesIO(b"".join(watcher.binary))) as container:
        frames = [
            (frame.pts or 0, read_counter(np.asarray(frame.to_ndarray(format="bgr24"))) or 0)
            for frame in container.decode(video=0)
        ]
    assert len(watcher.binary) - 1 - len(frames) in range(3)
    frames = frames[:-3]  # some of the last ones wait for others
    numbers = [number for _, number in frames]
    assert all((after - before) % 100 == 1 for before, after in pairwise(numbers))
    times = [pts - about["start"] for pts, _ in frames]
    assert all(after - before == HERTZ // FPS for before, after in pairwise(times))
    shown = {tracks["ticks"] for tracks in watcher.of("tracks")}
    within = {ticks for ticks in shown if times[0] <= ticks <= times[-1]}
    assert len(within) >= 20 and within <= set(times)


def test_a_status_says_which_moment_the_newest_frame_shows(visitor: Visitor) -> None:
    with watching(visitor.port, "plain") as watcher:
        status = watcher.until("status")
    assert status["state"] == "live"
    assert 0 <= status["now"] - status["captured"] < CAP


def test_a_second_viewer_is_sent_the_group_of_pictures_at_once(visitor: Visitor) -> None:
    with watching(visitor.port, "plain") as first:
        first.until("format")
        while len(first.binary) < 30:
            first.read()
        with watching(visitor.port, "plain") as second:
            second.until("format")
            while len(second.binary) < 2:
                second.read()
            assert b"moov" in second.binary[0] and b"moof" in second.binary[1]
        names = [thread.name for thread in threading.enumerate()]
        assert names.count("page/plain") == 1


@pytest.mark.parametrize(
    ("name", "query", "why"),
    [
        ("drawn", "", "no packets"),
        ("plain", "?mode=jpeg", "asked for"),
    ],
)
def test_what_no_browser_plays_is_sent_as_jpeg(
    visitor: Visitor, name: str, query: str, why: str
) -> None:
    with watching(visitor.port, name, query) as watcher:
        while watcher.until("format")["mime"] != "image/jpeg":
            pass
        assert why in watcher.texts[-1]["why"]
        watcher.binary.clear()
        ticks = [watcher.until("jpeg")["ticks"] for _ in range(4)]
        watcher.read()
    assert ticks == sorted(set(ticks))
    picture = cv2.imdecode(np.frombuffer(watcher.binary[0], np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None and picture.shape[1] == min(960, SIZES[name][0])
    assert (watcher.of("jpeg")[-1]["width"], watcher.of("jpeg")[-1]["height"]) == SIZES[name]
    if name != "drawn":
        assert read_counter(np.asarray(picture)) is not None


def test_when_the_last_viewer_has_left_nothing_is_made_for_viewers(visitor: Visitor) -> None:
    for query in ("", "?mode=jpeg"):
        with watching(visitor.port, "plain", query) as watcher:
            watcher.until("tracks")
    until(lambda: not [t for t in threading.enumerate() if t.name.startswith("page/")])
    (stream,) = [each for each in visitor.run.streams if each.name == "plain"]
    assert stream.source.tap
    assert "live view" not in [queue.name for queue in stream.source.tap.queues]


def test_a_viewer_of_a_camera_that_is_removed_is_told(
    visitor: Visitor, camera: Server, tmp_path: Path
) -> None:
    del tmp_path
    with watching(visitor.port, "nobody") as watcher, pytest.raises(ConnectionClosed) as closed:
        watcher.read()
    assert closed.value.rcvd and closed.value.rcvd.code == 4404


def test_a_recording_that_is_shown_turned_is_sent_as_jpeg(tmp_path: Path) -> None:
    lying = write_recording(tmp_path / "lying.mp4")
    turned = tmp_path / "turned.mp4"
    rotated = ("-c", "copy", "-metadata:s:v:0", "rotate=90")
    tool("ffmpeg", "-i", str(lying), *rotated, str(turned))
    config = minimal_config(
        tmp_path,
        {"url": str(turned), "name": "turned", "realtime": True, "loop": True},
        serve={"address": "127.0.0.1:0"},
    )
    with visited(config) as found, watching(found.port, "turned") as watcher:
        while watcher.until("format")["mime"] != "image/jpeg":
            pass
        assert "turned" in watcher.texts[-1]["why"]
        picture = watcher.until("jpeg")
        tracks = watcher.until("tracks")
    assert {(each["width"], each["height"]) for each in (picture, tracks)} == {(64, 512)}


UPGRADE = (
    "GET /api/v1/cameras/drawn/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n"
    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


def server_threads() -> int:
    """Return how many web servers run in this process."""
    return [thread.name for thread in threading.enumerate()].count("web")


def test_open_views_do_not_hold_up_the_end_not_even_one_that_answers_nothing(
    tmp_path: Path,
) -> None:
    config = minimal_config(
        tmp_path,
        quick_clip(10**9, name="drawn", realtime=True),
        serve={"address": "127.0.0.1:0"},
    )
    before = server_threads()
    with ExitStack() as viewers:
        with visited(config) as found:
            watcher = viewers.enter_context(watching(found.port, "drawn"))
            address = ("127.0.0.1", found.port)
            silent = viewers.enter_context(socket.create_connection(address, timeout=CAP))
            silent.sendall(UPGRADE.encode())
            assert silent.recv(64).startswith(b"HTTP/1.1 101")
            watcher.until("jpeg")
        assert server_threads() == before
        with pytest.raises(ConnectionClosed):
            watcher.until("no such message")


def test_a_snapshot_is_the_newest_frame(visitor: Visitor) -> None:
    answer = visitor.ask("GET", "/api/v1/cameras/plain/snapshot.jpg")
    assert (answer.status, answer.headers["content-type"]) == (200, "image/jpeg")
    picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None and read_counter(np.asarray(picture)) is not None
    assert float(answer.headers["x-captured"]) > 1.7e9
