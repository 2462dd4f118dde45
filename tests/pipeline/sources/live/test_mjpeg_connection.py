"""MJPEG over HTTP, as cameras send it and as browsers show it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import islice, repeat
from threading import Event

import pytest

from detector.errors import UsageError
from pipeline.connections.status import Cause, State
from pipeline.sources import Decoded, Skipped
from pipeline.sources.live.jpeg_splitter import MAX_JPEG
from tests.support.cameras import encoded, numbered, until
from tests.support.environment import PASSWORD
from tests.support.live_streams import decoded, live, numbers, reading, trouble
from tests.support.web_cameras import found, web_camera

KIND = "multipart/x-mixed-replace; boundary=frame"


@pytest.fixture(scope="module")
def jpegs() -> list[bytes]:
    return [bytes(packet) for packet in encoded(numbered(frames=20), "mjpeg")]


Part = Callable[[int, bytes], bytes]


def _length(wrong: int) -> Part:
    def part(_: int, jpeg: bytes) -> bytes:
        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg) + wrong}\r\n\r\n"
        return head.encode() + jpeg + b"\r\n"

    return part


PARTS: dict[str, Part] = {
    "usual": _length(0),
    "length too small": _length(-100),
    "length too great": _length(100),
    "length absurd": _length(10**30),
    "no length": lambda _, jpeg: b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + jpeg + b"\r\n",
    "no hyphens": lambda _, jpeg: b"frame\r\nContent-Type: image/jpeg\r\n\r\n" + jpeg + b"\r\n",
    "four hyphens": lambda _, jpeg: b"----frame\r\n\r\n" + jpeg + b"\r\n",
    "other boundary": lambda _, jpeg: b"--picture\r\n\r\n" + jpeg + b"\r\n",
    "line feeds only": lambda _, jpeg: b"--frame\nContent-type: image/jpeg\n\n" + jpeg + b"\n",
    "no headers": lambda _, jpeg: b"--frame\r\n\r\n" + jpeg,
    "closing boundary": lambda _, jpeg: b"--frame\r\n\r\n" + jpeg + b"\r\n--frame--\r\n",
    "images only": lambda _, jpeg: jpeg,
    "first boundary missing": lambda k, jpeg: (
        (b"--frame\r\n" if k else b"") + b"Content-Type: image/jpeg\r\n\r\n" + jpeg + b"\r\n"
    ),
    "preamble": lambda k, jpeg: (
        (b"" if k else b"\r\nThis is a multipart message\r\n\r\n")
        + b"--frame\r\nContent-Type: image/jpeg\r\n\r\n"
        + jpeg
        + b"\r\n"
    ),
    "other parts between": lambda _, jpeg: (
        b"--frame\r\nContent-Type: text/xml\r\n\r\n<motion/>\r\n--frame\r\n\r\n" + jpeg + b"\r\n"
    ),
}


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_every_image_is_shown_whatever_stands_around_it(part: Part, jpegs: list[bytes]) -> None:
    body = [part(k, jpeg) for k, jpeg in enumerate(jpegs)]
    with web_camera(lambda _: [found(kind=KIND), *body]) as url:
        source = live(f"{url}/video.mjpg", max_age=None, reconnect=False)
        with closing(source):
            assert numbers(list(decoded(source))) == list(range(20))


def test_a_chunked_body_and_a_redirect_are_followed(jpegs: list[bytes]) -> None:
    def answer(path: str) -> Iterator[bytes]:
        if path == "/video.mjpg":
            yield b"HTTP/1.1 302 Found\r\nLocation: /other?x=1\r\nContent-Length: 2\r\n\r\nno"
            return
        yield found(kind=KIND, more="Transfer-Encoding: chunked\r\n")
        for k, jpeg in enumerate(jpegs):
            part = PARTS["usual"](k, jpeg)
            yield b"%x\r\n%s\r\n" % (len(part), part)
        yield b"0\r\n\r\n"

    with web_camera(answer) as url:
        source = live(f"{url}/video.mjpg", max_age=None, reconnect=False)
        with closing(source):
            assert numbers(list(decoded(source))) == list(range(20))


def test_an_image_is_shown_before_the_next_part_begins(jpegs: list[bytes]) -> None:
    over = Event()

    def answer(_: str) -> Iterator[bytes]:
        yield found(b"--frame\r\n\r\n" + jpegs[0], KIND)
        over.wait(60)

    with web_camera(answer) as url:
        source = live(f"{url}/video.mjpg", max_age=None)
        with reading(source) as items:
            until(lambda: items)
        over.set()
    assert isinstance(items[0], Decoded)


def test_a_broken_image_is_counted_and_the_next_one_shown(jpegs: list[bytes]) -> None:
    parts = [jpegs[0], b"\xff\xd8\xff\xe0" + bytes(500), jpegs[1]]
    body = [PARTS["usual"](k, jpeg) for k, jpeg in enumerate(parts)]
    with web_camera(lambda _: [found(kind=KIND), *body]) as url:
        source = live(f"{url}/video.mjpg", max_age=None, reconnect=False)
        with closing(source):
            source.open()
            items = list(source)
    assert [item.reason for item in items if isinstance(item, Skipped)] == ["does not decode"]
    assert numbers([item for item in items if isinstance(item, Decoded)]) == [0, 1]


ENDLESS: dict[str, tuple[Iterable[bytes], Cause]] = {
    "headers": ([b"HTTP/1.1 200 OK\r\nX: ", *repeat(b"a" * 60_000, 10**4)], Cause.BAD_DATA),
    "many headers": ([b"HTTP/1.1 200 OK\r\n", *repeat(b"X: a\r\n" * 9999, 10**4)], Cause.BAD_DATA),
    "a redirect": (
        [b"HTTP/1.1 302 Found\r\nLocation: /y\r\n\r\n", *repeat(bytes(1 << 16), 10**4)],
        Cause.BAD_DATA,
    ),
    "refusals": ([b"HTTP/1.1 401 No\r\nWWW-Authenticate: Digest x\r\n\r\n"], Cause.UNAUTHORISED),
    "rubbish": ([b"\x00\x01\x02\r\n\r\n"], Cause.BAD_DATA),
    "nothing": ([], Cause.BAD_DATA),
    "404": ([b"HTTP/1.1 404 \x1b[31mNo\r\n\r\n"], Cause.NOT_FOUND),
    "503": ([b"HTTP/1.1 503 No\r\n\r\n"], Cause.REFUSED),
    "a chunk": (
        [found(more="Transfer-Encoding: chunked\r\n"), *repeat(b"f" * 60_000, 10**4)],
        Cause.BAD_DATA,
    ),
    "an image": (
        [found(b"\xff\xd8\xff\xda\x00\x02", KIND), *repeat(bytes(1 << 20), 10 * MAX_JPEG >> 20)],
        Cause.BAD_DATA,
    ),
}


@pytest.mark.parametrize(("sent", "cause"), ENDLESS.values(), ids=ENDLESS)
def test_an_answer_that_is_none_has_a_cause(sent: Iterable[bytes], cause: Cause) -> None:
    with web_camera(lambda _: sent) as url:
        source = live(f"{url}/video.mjpg", max_age=None)
        with reading(source):
            until(lambda: source.status.causes)
        assert cause in source.status.causes
        assert str(source.status.trouble).isprintable()


def test_an_answer_that_trickles_times_out_and_a_stop_does_not_wait() -> None:
    tick = Event()

    def answer(_: str) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nX: "
        while True:
            tick.wait(0.02)
            yield b"a"

    with web_camera(answer) as url:
        assert trouble(f"{url}/video.mjpg", timeout_seconds=0.5)[0] is Cause.TIMED_OUT
        source = live(f"{url}/video.mjpg", timeout_seconds=1000.0)
        with reading(source):
            until(lambda: source.status.state is State.CONNECTING)


def test_the_password_of_the_url_goes_to_that_server_only_and_is_not_shown(
    jpegs: list[bytes],
) -> None:
    heard: list[str] = []

    def answer(path: str) -> Iterator[bytes]:
        yield b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n"
        heard.append(path)

    with web_camera(answer) as url:
        source = live(url.replace("//", f"//viewer:{PASSWORD}@") + "/video.mjpg")
        with reading(source):
            until(lambda: source.status.causes)
    shown = f"{source.status} {source.status.snapshot()} {source.faults}"
    assert PASSWORD not in shown + base64.b64encode(PASSWORD.encode()).decode()
    assert source.status.causes.keys() == {Cause.UNAUTHORISED}
    assert heard == ["/video.mjpg"] * 2  # without, then with it


def test_options_that_only_ffmpeg_has_are_refused() -> None:
    with pytest.raises(UsageError, match="probesize given: MJPEG over HTTP has headers"):
        live("http://cam/video.mjpg", ffmpeg={"probesize": "1"})


def test_pictures_of_an_enormous_size_are_not_decoded(jpegs: list[bytes]) -> None:
    start = jpegs[0].index(b"\xff\xc0")
    huge = jpegs[0][: start + 5] + b"\xfd\xe8\xfd\xe8" + jpegs[0][start + 9 :]  # 65000 x 65000
    with web_camera(lambda _: [found(kind=KIND), huge, jpegs[1]]) as url:
        source = live(f"{url}/video.mjpg", max_age=None, reconnect=False)
        with closing(source):
            source.open()
            items = list(islice(source, 2))
    assert [type(item) for item in items] == [Skipped, Decoded]
