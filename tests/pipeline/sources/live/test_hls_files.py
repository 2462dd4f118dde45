"""HLS from servers: only the chosen variant is fetched, and nothing without end is kept."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import closing
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from detector.errors import UsageError
from pipeline.connections.status import Cause, State
from pipeline.sources.live.hls_playlist import MAX_PLAYLIST
from tests.support.cameras import CAP, until
from tests.support.ffmpeg import tool
from tests.support.live_streams import decoded, live, reading, trouble
from tests.support.web_cameras import found, web_camera

MASTER = b"""#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=100000,RESOLUTION=160x120
low/i.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2000000,RESOLUTION=320x240
high/i.m3u8
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished playlist in two sizes, and an encrypted one."""
    tool("ffmpeg", "-version")  # skips visibly if it is not installed
    root = tmp_path_factory.mktemp("site")
    (root / "key").write_bytes(bytes(range(16)))
    (root / "keys").write_text(f"key\n{root / 'key'}\n")
    for name, size, more in (
        ("low", "160x120", []),
        ("high", "320x240", []),
        ("secret", "160x120", ["-hls_key_info_file", str(root / "keys")]),
    ):
        (root / name).mkdir()
        line = ["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi"]
        line += ["-i", f"testsrc2=s={size}:r=10:d=2", "-c:v", "libx264", "-g", "10"]
        line += ["-f", "hls", "-hls_time", "1", "-hls_playlist_type", "vod", *more, "i.m3u8"]
        subprocess.run(line, cwd=root / name, check=True, timeout=CAP)
    (root / "m.m3u8").write_bytes(MASTER)
    (root / "secret/key").write_bytes(bytes(range(16)))
    return root


def sizes(site: Path, path: str, **options: Any) -> tuple[set[tuple[int, int]], list[str]]:
    """Return the sizes of the frames of a stream, and which files were fetched."""
    fetched: list[str] = []

    def answer(asked: str) -> Iterator[bytes]:
        if asked.startswith("/moved"):
            yield b"HTTP/1.1 302 Found\r\nLocation: " + asked[6:].encode() + b"\r\n\r\n"
            return
        fetched.append(asked)
        yield found((site / asked[1:]).read_bytes())

    with web_camera(answer) as url:
        source = live(url + path, max_age=None, reconnect=False, **options)
        with closing(source):
            pictures = [item.picture for item in decoded(source)]
            assert source.status.state is State.ENDED
    return {(each.width, each.height) for each in pictures}, fetched


@pytest.mark.parametrize(
    ("options", "name", "size"),
    [
        ({}, "high", (320, 240)),
        ({"variant": "lowest"}, "low", (160, 120)),
        ({"max_height": 200}, "low", (160, 120)),
    ],
)
def test_only_the_chosen_variant_is_fetched(
    site: Path, options: dict[str, Any], name: str, size: tuple[int, int]
) -> None:
    shown, fetched = sizes(site, "/m.m3u8", **options)
    assert shown == {size}
    assert {path.split("/")[1] for path in fetched} == {"m.m3u8", name}


def test_a_playlist_behind_a_redirect_finds_its_segments(site: Path) -> None:
    assert sizes(site, "/moved/low/i.m3u8")[0] == {(160, 120)}


def test_an_encrypted_playlist_is_decrypted(site: Path) -> None:
    assert sizes(site, "/secret/i.m3u8")[0] == {(160, 120)}


@pytest.mark.parametrize("option", [{"variant": "second"}, {"max_height": "tall"}])
def test_a_wrong_option_is_refused(option: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(option))):
        live("http://cam/m.m3u8", **option)


HEAD = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n"
ENDLESS = {
    "playlist": ["/m.m3u8", [HEAD, *repeat(b"#EXTINF:1,\na.ts\n" * 9999, 1000)]],
    "line": ["/m.m3u8", [HEAD, *repeat(b"a" * 100_000, 1000)]],
}


@pytest.mark.parametrize(("path", "body"), ENDLESS.values(), ids=ENDLESS)
def test_a_playlist_without_end_is_bad_data(path: str, body: list[bytes]) -> None:
    with web_camera(lambda _: [found(), *body]) as url:
        assert trouble(url + path) == (
            Cause.BAD_DATA,
            f"a playlist of more than {MAX_PLAYLIST >> 20} MB",
        )


def test_what_is_no_playlist_is_bad_data() -> None:
    with web_camera(lambda _: [found(b"no list")]) as url:
        assert trouble(f"{url}/m.m3u8") == (Cause.BAD_DATA, "it is no playlist")


def test_a_stop_does_not_wait_for_a_segment_that_never_comes(site: Path) -> None:
    def answer(path: str) -> Iterator[bytes]:
        if path.endswith("m3u8"):
            yield found((site / "low/i.m3u8").read_bytes())
            return
        yield found((site / "low/i0.ts").read_bytes()[:500])
        asked.append(path)
        while not over:
            until(lambda: over)

    asked: list[str] = []
    over: list[bool] = []
    with web_camera(answer) as url:
        source = live(f"{url}/m.m3u8", timeout_seconds=1000.0)
        with reading(source):
            until(lambda: asked)
        over.append(True)
