"""A live stream with too many pixels is refused before its frames take memory, and says so."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import repeat
from pathlib import Path
from threading import Thread

import pytest

from detector.errors import UsageError
from pipeline.connections.status import Cause
from pipeline.sources import Decoded
from tests.support.cameras import CAP, SIZE, encoded, numbered, until
from tests.support.ffmpeg import tool
from tests.support.live_streams import live, reading, trouble
from tests.support.web_cameras import found, web_camera

LIMIT = 320 * 240
TOO_LARGE = f"640x480 pixels, more than max_pixels ({LIMIT}): make it smaller, or raise max_pixels"
CODECS = {"h264": "libx264", "hevc": "libx265", "mpeg2": "mpeg2video"}


def recording(size: str, codec: str) -> bytes:
    picture = ("-f", "lavfi", "-i", f"testsrc2=s={size}:r=25:d=0.6")
    return tool("ffmpeg", *picture, "-c:v", codec, "-f", "mpegts", "-")


@contextmanager
def fifo(folder: Path, content: bytes) -> Iterator[str]:
    """Write `content` into a pipe, whose path is yielded."""
    path = folder / "camera"
    os.mkfifo(path)

    def write() -> None:
        with suppress(BrokenPipeError):
            path.write_bytes(content)

    thread = Thread(target=write)
    thread.start()
    try:
        yield str(path)
    finally:
        thread.join(CAP)


def test_a_stream_that_states_too_many_pixels_is_not_connected(tmp_path: Path) -> None:
    with fifo(tmp_path, recording("640x480", "libx264")) as path:
        assert trouble(path, max_pixels=LIMIT) == (Cause.BAD_DATA, TOO_LARGE)


@pytest.mark.parametrize("codec", CODECS)
def test_frames_that_grow_in_mid_stream_end_the_connection(tmp_path: Path, codec: str) -> None:
    parts = [recording(size, CODECS[codec]) for size in ("320x240", "640x480")]
    with fifo(tmp_path, b"".join(parts)) as path:
        source = live(path, max_pixels=LIMIT, max_retry_seconds=60.0, retry_seconds=60.0)
        with reading(source) as items:
            until(lambda: source.status.trouble)
            frames = [item for item in items if isinstance(item, Decoded)]
    assert {(frame.picture.width, frame.picture.height) for frame in frames} == {(320, 240)}
    assert source.status.trouble and source.status.trouble.cause is Cause.BAD_DATA
    assert "more than max_pixels" in source.status.trouble.detail.replace("pixels than", "than")


def test_an_image_of_too_many_pixels_is_refused_by_its_header() -> None:
    jpeg = bytes(next(encoded(numbered(frames=1), "mjpeg")))
    width, height = SIZE
    with web_camera(lambda _: [found(), *repeat(jpeg, 100)]) as url:
        source = live(f"{url}/a.mjpg", max_pixels=width * height - 1)
        with reading(source) as items:
            until(lambda: source.status.trouble)
            assert not any(isinstance(item, Decoded) for item in items)
            assert source.status.trouble
            assert source.status.trouble.cause is Cause.BAD_DATA
            assert source.status.trouble.detail.startswith(f"{width}x{height} pixels, more")


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(UsageError, match="max_pixels: 0 given: it must be above 0"):
        live("rtsp://127.0.0.1:9/x", max_pixels=0)
