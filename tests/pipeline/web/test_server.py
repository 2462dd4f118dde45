"""The server's end: in time whatever its clients do, and without a port left open."""

from __future__ import annotations

import logging
import socket
import threading

import pytest
from starlette.types import Receive, Scope, Send

from detector.errors import UsageError
from pipeline.web.server import Server
from tests.support.cameras import CAP, until


async def endless(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer without an end."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while True:
        await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})


async def broken(scope: Scope, receive: Receive, send: Send) -> None:
    """Fail."""
    raise ZeroDivisionError


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\nX: a", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"])
def test_no_client_holds_up_the_end(sent: bytes) -> None:
    with Server(endless, "127.0.0.1:0") as server:
        client = socket.create_connection(("127.0.0.1", server.port), timeout=CAP)
        client.sendall(sent)
    until(lambda: "web" not in {thread.name for thread in threading.enumerate()})
    with client, pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", server.port), timeout=CAP)


def test_a_bug_in_the_application_is_answered_and_does_not_end_the_server() -> None:
    with Server(broken, "127.0.0.1:0") as server:
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", server.port), timeout=CAP) as client:
                client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                assert client.recv(1 << 16).startswith(b"HTTP/1.1 500")


def test_garbage_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with (
        Server(broken, "127.0.0.1:0") as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=CAP) as client,
    ):
        client.sendall(b"\x00\xff garbage\r\n\r\n")
        assert client.recv(1 << 16).startswith(b"HTTP/1.1 400")
    assert "Invalid HTTP" not in caplog.text


def test_an_address_in_use_is_refused() -> None:
    with Server(broken, "127.0.0.1:0") as server, pytest.raises(UsageError, match="in use"):
        Server(broken, f"127.0.0.1:{server.port}")
