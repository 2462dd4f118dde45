"""Every request gets one answer, in limited time and memory, whatever a client sends."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from http import HTTPStatus
from threading import Thread
from time import monotonic
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.monitor import http_server
from pipeline.monitor.http_server import MAX_BODY, Request, Server
from tests.support.cameras import CAP


def echo(request: Request) -> tuple[HTTPStatus, Any]:
    if request.path == "/bug":
        raise ZeroDivisionError
    body = request.body() if request.method == "POST" else b""
    return HTTPStatus.OK, {"method": request.method, "path": request.path, "size": len(body)}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), echo)
    thread = Thread(target=server.serve_forever, name="server")
    thread.start()
    yield server
    server.shutdown()
    server.end_requests()
    thread.join(CAP)


def send(server: Server, request: bytes) -> bytes:
    """Return all that the server answers to these bytes, after which the client sends no more."""
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=CAP) as client:
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(1 << 16), b""))


def answer(server: Server, request: bytes) -> tuple[int, Any]:
    head, _, body = send(server, request).partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def test_a_request_is_answered_in_json(server: Server) -> None:
    expected = {"method": "POST", "path": "/a", "size": 5}
    assert answer(server, b"POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello") == (200, expected)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /" + b"a" * (2 * MAX_BODY), 414),
        (b"POST / HTTP/1.1\r\nContent-Length: 99\r\n\r\nhello", 400),  # incomplete
        (b"POST / HTTP/1.1\r\nContent-Length: 2000000000\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nContent-Length: \u0665\r\n\r\nhello".encode(), 400),
        (b"GET /bug HTTP/1.1\r\n\r\n", 500),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_status(
    server: Server, request_bytes: bytes, status: int
) -> None:
    given_status, content = answer(server, request_bytes)
    assert given_status == status and content["error"]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_get_an_answer_or_none_and_never_hold_the_server(
    server: Server, garbage: bytes
) -> None:
    send(server, garbage)
    assert answer(server, b"GET /after HTTP/1.1\r\n\r\n")[0] == 200


def test_a_client_that_never_finishes_is_cut_off(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server, "REQUEST_SECONDS", 0.2)
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=CAP) as client:
        client.sendall(b"GET / HTTP/1.1\r\nX: ")
        assert b"408" in client.recv(1 << 16)


def test_the_end_of_the_server_waits_for_no_client() -> None:
    server = Server(("127.0.0.1", 0), echo)
    thread = Thread(target=server.serve_forever, name="server")
    thread.start()
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=CAP) as client:
        client.sendall(b"GET / HTTP/1.1\r\n")
        server.shutdown()
        began = monotonic()
        server.end_requests()
        assert monotonic() - began < http_server.REQUEST_SECONDS  # not the time of a request
    thread.join(CAP)
