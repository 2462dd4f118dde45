"""HLS over reconnects, discontinuities and its end: each frame once, as a player shows them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Thread

import pytest

from pipeline.connections.status import Cause, State
from pipeline.sources import Decoded, Skipped
from pipeline.sources.live.packet_gate import REPEATED
from tests.support.cameras import CAP, FPS, SIZE, numbered, until
from tests.support.ffmpeg import tool
from tests.support.live_streams import live, numbers, reading

SEGMENT = 20  # frames
DISCONTINUITY = "#EXT-X-DISCONTINUITY"


class Folder(SimpleHTTPRequestHandler):
    """Serves files without a log."""

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def http(folder: Path, port: int = 0) -> Iterator[int]:
    """Serve a folder on the loopback address, and yield the port."""
    handler = partial(Folder, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join(CAP)


def segment(folder: Path, name: str, first: int, starts_at: float) -> str:
    """Write a segment whose frames are numbered from `first` on; return its name."""
    raw = b"".join(list_of(first))
    (folder / "raw").write_bytes(raw)
    video = ("-f", "rawvideo", "-pix_fmt", "bgr24", "-s", "{}x{}".format(*SIZE), "-r", str(FPS))
    x264 = ("-c:v", "libx264", "-preset", "superfast", "-bf", "2", "-threads", "1")
    delay = ("-muxdelay", "0", "-muxpreload", "0", "-output_ts_offset", str(starts_at))
    path = folder / name
    tool("ffmpeg", "-y", *video, "-i", str(folder / "raw"), *x264, *delay, str(path))
    assert path.stat().st_size
    return name


def list_of(first: int) -> list[bytes]:
    return [image.tobytes() for image in list(numbered(frames=first + SEGMENT))[first:]]


def listing(folder: Path, *lines: str, end: bool) -> None:
    """Write the playlist: names of segments, and tags."""
    seconds = SEGMENT / FPS
    text = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n"
    for line in lines:
        text += line + "\n" if line.startswith("#") else f"#EXTINF:{seconds},\n{line}\n"
    (folder / "new").write_text(text + "#EXT-X-ENDLIST\n" * end)
    (folder / "new").replace(folder / "l.m3u8")


def shown(items: list[Decoded | Skipped]) -> list[Decoded]:
    return [item for item in items if isinstance(item, Decoded)]


def repeats(items: list[Decoded | Skipped]) -> int:
    return sum(isinstance(item, Skipped) and item.reason == REPEATED for item in items)


@pytest.mark.parametrize(
    ("first", "second"), [(10.0, 100.0), (10.0, 10.0), (10.0, 8.0), (200.0, 10.0)]
)
def test_frames_after_a_discontinuity_are_new_whatever_their_times(
    first: float, second: float, tmp_path: Path
) -> None:
    names = segment(tmp_path, "a.ts", 0, first), segment(tmp_path, "b.ts", SEGMENT, second)
    listing(tmp_path, names[0], DISCONTINUITY, names[1], end=True)
    with (
        http(tmp_path) as port,
        closing(live(f"http://127.0.0.1:{port}/l.m3u8", max_age=None)) as source,
    ):
        source.open()
        items = list(source)  # a finished playlist ends, although the source would reconnect
        assert source.status.state is State.ENDED
        assert source.status.connections == 1
    found = shown(items)
    assert repeats(items) == 0
    assert numbers(found) == list(range(2 * SEGMENT))
    steps = [(b.pts or 0) - (a.pts or 0) for a, b in pairwise(found)]
    assert all(0 < step <= 2 * 90_000 // FPS for step in steps)


@pytest.mark.parametrize("end", [False, True])
def test_after_a_reconnect_only_new_frames_are_shown(end: bool, tmp_path: Path) -> None:
    """The server goes away, and comes back with one segment more."""
    names = [segment(tmp_path, f"{k}.ts", k * SEGMENT, 10 + k * SEGMENT / FPS) for k in range(3)]
    listing(tmp_path, *names[:2], end=False)
    with http(tmp_path) as port:
        source = live(f"http://127.0.0.1:{port}/l.m3u8", max_age=None, timeout_seconds=2.0)
        reader = reading(source)
        items = reader.__enter__()
        until(lambda: len(shown(items)) >= SEGMENT)
    try:
        until(lambda: source.status.state is State.BACKOFF)
        listing(tmp_path, *names, end=end)
        with http(tmp_path, port):
            until(lambda: len(shown(items)) >= 3 * SEGMENT - 3)
            if end:
                until(lambda: source.status.state is State.ENDED)
    finally:
        reader.__exit__(None, None, None)
    assert repeats(items)
    found = [number for number in numbers(shown(items)) if number is not None]
    assert found == list(range(found[-1] + 1))
    assert source.status.connections == 2


def test_a_playlist_that_ends_while_it_is_watched_is_an_end(tmp_path: Path) -> None:
    names = [segment(tmp_path, f"{k}.ts", k * SEGMENT, 10 + k * SEGMENT / FPS) for k in range(2)]
    listing(tmp_path, names[0], end=False)
    with http(tmp_path) as port:
        source = live(f"http://127.0.0.1:{port}/l.m3u8", max_age=None)
        with reading(source) as items:
            until(lambda: len(shown(items)) >= SEGMENT // 2)
            listing(tmp_path, *names, end=True)
            until(lambda: source.status.state is State.ENDED)
    assert numbers(shown(items)) == list(range(2 * SEGMENT))
    assert not source.status.causes[Cause.ENDED_BY_PEER]
