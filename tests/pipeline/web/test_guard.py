"""Requests that must not get through: of other pages, of nobody, of the wrong role, too long."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event

import pytest
from starlette.types import Receive, Scope, Send

from pipeline.access.accounts import Access
from pipeline.access.address import HostNames
from pipeline.access.config import ServeConfig
from pipeline.access.passwords import hash_password
from pipeline.config import RunConfig
from pipeline.web import guard, protocol
from pipeline.web.guard import MAX_BODY, Guard
from pipeline.web.server import Server
from tests.support.cameras import CAP
from tests.support.environment import PASSWORD
from tests.support.runs import minimal_config, quick_clip
from tests.support.web import Visitor, visited

ADMIN, VIEWER = "admin-0123456789", "viewer-0123456789"


def served(folder: pytest.TempPathFactory, **serve: object) -> RunConfig:
    endless = quick_clip(10**9, name="steady", realtime=True)
    section = {"address": "127.0.0.1:0", "schemes": ["rtsp"], **serve}
    return minimal_config(folder.mktemp("out"), endless, serve=section)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    with visited(served(tmp_path_factory)) as visitor:
        yield visitor


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    accounts = {
        "users": {"anna": {"password": hash_password(PASSWORD), "role": "admin"}},
        "tokens": {
            "robot": {"token": ADMIN, "role": "admin"},
            "grafana": {"token": VIEWER},
        },
    }
    with visited(served(tmp_path_factory, **accounts)) as visitor:
        yield visitor


@contextmanager
def connection(visitor: Visitor) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", visitor.port), timeout=CAP) as client:
        yield client


def until_closed(client: socket.socket) -> bytes:
    """Return all that the server sends until it closes the connection."""
    received = b""
    try:
        while part := client.recv(1 << 16):
            received += part
    except ConnectionError:
        pass  # reset instead of closed
    return received


WEBSOCKET = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def test_a_name_that_leads_here_by_rebinding_is_refused(local: Visitor) -> None:
    answer = local.ask("GET", "/api/v1/cameras", headers={"Host": "evil.example:8080"})
    assert answer.status == 421
    assert "serve: hosts" in answer.content["detail"]


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_a_page_of_another_origin_changes_nothing(local: Visitor, origin: str) -> None:
    body = {"url": "rtsp://127.0.0.1:1/x"}
    answer = local.ask("PUT", "/api/v1/cameras/new", body, {"Origin": origin})
    assert answer.status == 403
    assert [stream.name for stream in local.run.streams] == ["steady"]


def test_a_page_of_another_origin_opens_no_websocket(local: Visitor) -> None:
    headers = {**WEBSOCKET, "Origin": "http://evil.example"}
    assert local.ask("GET", "/api/v1/cameras/steady/live", headers=headers).status == 403


def test_our_own_page_may_change_things(local: Visitor) -> None:
    headers = {"Origin": f"http://127.0.0.1:{local.port}"}
    answer = local.ask("PUT", "/api/v1/cameras/steady", {"url": "rtsp://127.0.0.1:1/x"}, headers)
    assert answer.status == 409  # it got through, and there is one of that name


def test_without_an_identity_nothing_but_the_page_is_answered(closed: Visitor) -> None:
    for method, path in [
        ("GET", "/api/v1/cameras"),
        ("GET", "/api/v1/config"),
        ("DELETE", "/api/v1/cameras/steady"),
        ("GET", "/metrics"),
    ]:
        answer = closed.ask(method, path)
        assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer"), path
    assert closed.ask("GET", "/api/v1/cameras", headers=WEBSOCKET).status == 403
    assert closed.ask("GET", "/").status == 200
    assert closed.ask("GET", "/livez").status == 200
    assert closed.ask("GET", "/api/v1/session").content == {
        "login": True,
        "name": None,
        "role": None,
    }


@pytest.mark.parametrize("token", ["", "x", ADMIN[:-1], ADMIN + "x"])
def test_a_wrong_token_is_nobody(closed: Visitor, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    assert closed.ask("GET", "/api/v1/cameras", headers=headers).status == 401


def test_a_viewer_reads_and_changes_nothing(
    closed: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    viewer = Visitor(closed.port, closed.run)
    viewer.use_token(VIEWER)
    assert viewer.ask("GET", "/api/v1/cameras").status == 200
    for method, path in [
        ("DELETE", "/api/v1/cameras/steady"),
        ("PUT", "/api/v1/cameras/new"),
        ("POST", "/api/v1/cameras/steady/restart"),
    ]:
        answer = viewer.ask(method, path, {"url": "rtsp://127.0.0.1:1/x"})
        assert answer.status == 403 and "admin" in answer.content["detail"], path
    assert [stream.name for stream in closed.run.streams] == ["steady"]


def test_a_change_leaves_a_line_that_says_who_made_it(
    closed: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    robot = Visitor(closed.port, closed.run)
    robot.use_token(ADMIN)
    with caplog.at_level("INFO", "framelane"):
        assert robot.ask("DELETE", "/api/v1/cameras/no%0Asuch").status == 404
    assert "robot: DELETE /api/v1/cameras/no?such" in caplog.text
    assert ADMIN not in caplog.text


@pytest.mark.parametrize("path", ["/", "/api/v1/cameras", "/nothing", "/static/../site.py"])
def test_every_answer_has_the_security_headers(local: Visitor, path: str) -> None:
    headers = local.ask("GET", path).headers
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "server" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "/static/../site.py",
        "/static/%2e%2e/site.py",
        "/static/..%2f..%2fconfig.py",
        "/static//etc/passwd",
        "/static/%00",
        "/api/v1/cameras/../../../etc/passwd",
    ],
)
def test_no_path_leads_out_of_the_pages_folder(local: Visitor, path: str) -> None:
    assert local.ask("GET", path).status in (400, 404)


def test_a_body_beyond_the_limit_is_refused(local: Visitor) -> None:
    body = json.dumps({"url": "rtsp://a/" + "x" * MAX_BODY})
    assert local.ask("PUT", "/api/v1/cameras/new", body).status == 413


def test_a_body_that_trickles_is_cut_off(local: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.2)
    with connection(local) as client:
        client.sendall(
            b"PUT /api/v1/cameras/new HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n"
            b"Content-Type: application/json\r\n\r\n{"
        )
        assert b" 408 " in until_closed(client)


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nX: a"])
def test_a_head_that_never_ends_is_cut_off(
    local: Visitor, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    with connection(local) as client:
        client.sendall(sent)
        assert until_closed(client) == b""


def test_the_head_of_a_second_request_has_limited_time_too(
    local: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connection(local) as client:
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert client.recv(1 << 16).startswith(b"HTTP/1.1 200")
        monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
        client.sendall(b"GET /livez")
        until_closed(client)


def test_a_head_beyond_the_limit_is_refused(local: Visitor) -> None:
    with connection(local) as client, suppress(ConnectionError):
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + b"a" * 10**6)
        client.settimeout(CAP)
        assert until_closed(client).startswith(b"HTTP/1.1 400")


def test_a_client_that_does_not_read_its_answer_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guard, "SEND_SECONDS", 0.2)
    ended = Event()

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send(
                    {"type": "http.response.body", "body": bytes(1 << 16), "more_body": True}
                )
        finally:
            ended.set()

    app = Guard(endless, Access(ServeConfig()), HostNames("127.0.0.1", ()))
    with (
        Server(app, "127.0.0.1:0") as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=CAP) as client,
    ):
        client.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert ended.wait(CAP)


def test_a_thousand_connections_of_one_client_leave_room_for_another(local: Visitor) -> None:
    greedy = [socket.create_connection(("127.0.0.1", local.port), CAP) for _ in range(1000)]
    accepted = protocol.MAX_FROM_ONE_ADDRESS
    assert all(until_closed(client) == b"" for client in greedy[accepted:])
    with socket.create_connection(("127.0.0.1", local.port), CAP, ("127.0.0.2", 0)) as other:
        other.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert until_closed(other).startswith(b"HTTP/1.1 200")
    for client in greedy:
        client.close()
