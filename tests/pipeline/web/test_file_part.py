"""Ranges of a file are what RFC 9110 says, also of a file that grows meanwhile."""

from __future__ import annotations

from http.client import HTTPConnection
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from pipeline.web.file_part import CHUNK, file_part
from pipeline.web.problem import Problem
from pipeline.web.server import Server
from tests.support.cameras import CAP


def answer(path: Path, wanted: str = "", grow: int = 0) -> tuple[int, dict[str, str], bytes]:
    """Return what a client gets; grow: bytes that the file gets after its size was told."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = file_part(request, path, "video/mp4")
        except Problem as problem:
            response = problem.response()
        with path.open("ab") as file:
            file.write(bytes(grow))
        await response(scope, receive, send)

    with Server(app, "127.0.0.1:0") as server:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=CAP)
        connection.request("GET", "/", headers={"Range": wanted} if wanted else {})
        got = connection.getresponse()
        content = got.read()
        connection.close()
    return got.status, {name.lower(): value for name, value in got.getheaders()}, content


@pytest.mark.parametrize(
    ("wanted", "status", "shown", "content"),
    [
        ("", 200, None, b"0123456789"),
        ("bytes=0-", 206, "bytes 0-9/10", b"0123456789"),
        ("bytes=2-4", 206, "bytes 2-4/10", b"234"),
        ("bytes=-3", 206, "bytes 7-9/10", b"789"),
        ("bytes=-99", 206, "bytes 0-9/10", b"0123456789"),
        ("bytes=8-99", 206, "bytes 8-9/10", b"89"),
        ("bytes=0-1,4-5", 200, None, b"0123456789"),  # several ranges may be ignored
        ("lines=1-2", 200, None, b"0123456789"),
        ("bytes=-", 200, None, b"0123456789"),
    ],
)
def test_a_range_is_sent_as_it_was_asked_for(
    tmp_path: Path, wanted: str, status: int, shown: str | None, content: bytes
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"0123456789")
    found, headers, got = answer(path, wanted)
    assert (found, headers.get("content-range"), got) == (status, shown, content)
    assert headers["accept-ranges"] == "bytes" and headers["content-type"] == "video/mp4"


@pytest.mark.parametrize("wanted", ["bytes=10-", "bytes=5-4", "bytes=-0"])
def test_a_range_outside_of_the_file_is_refused(tmp_path: Path, wanted: str) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"0123456789")
    status, headers, _ = answer(path, wanted)
    assert (status, headers["content-range"]) == (416, "bytes */10")


def test_a_file_that_grows_is_sent_as_long_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"x" * (CHUNK + 1))
    status, headers, content = answer(path, grow=3 * CHUNK)
    assert status == 200 and int(headers["content-length"]) == len(content) == CHUNK + 1


def test_a_file_that_is_gone_is_not_found(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    status, *_ = answer(path)
    assert status == 404
