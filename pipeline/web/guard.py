"""What stands before every request: names, origins, identities, sizes, times and headers.

A browser of the operator may show a hostile page. It can send requests here, but it cannot choose
their Host and Origin headers; so these are checked, for WebSockets too.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.access.accounts import Access, Identity
from pipeline.access.address import HostNames
from pipeline.access.config import Role
from pipeline.web.problem import Problem

log = logging.getLogger("framelane")

COOKIE = "framelane_session"
MAX_BODY = 1 << 16  # bytes; a camera or a set of zones takes some thousands
BODY_SECONDS = 10.0  # for a client to send its body
SEND_SECONDS = 20.0  # for a client to take a part of an answer
SAFE = frozenset({"GET", "HEAD"})
OPEN = ("/", "/livez", "/readyz", "/api/v1/session")  # paths that need no identity
OPEN_FOLDER = "/static/"
LOCAL = Identity("local", Role.ADMIN)  # where nobody has to log in

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "media-src 'self' blob:; connect-src 'self'; font-src 'self'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Refuses what must not reach the application, and bounds the rest.

    The application finds the `Identity` of the sender in `scope["state"]["identity"]`.
    """

    def __init__(self, app: ASGIApp, access: Access, hosts: HostNames) -> None:
        self._app = app
        self._access = access
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            scope.setdefault("state", {})["identity"] = self._admitted(scope)
        except Problem as problem:
            await _refuse(problem, scope, receive, send)
            return
        if scope["type"] == "websocket":
            await self._app(scope, receive, _bounded(send))
            return
        limited = _LimitedBody(receive)
        with suppress(_Gone):
            await self._app(scope, limited, _with_headers(_bounded(send), scope["path"]))

    def _admitted(self, scope: Scope) -> Identity | None:
        """Return who sends the request; None if the path needs nobody. Raises Problem."""
        headers = Headers(scope=scope)
        self._check_origin(scope, headers)
        identity = self._identity(headers)
        if identity is None:
            if scope["path"] in OPEN or scope["path"].startswith(OPEN_FOLDER):
                return None
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "nobody is logged in: log in at the page, or send a token",
                {"WWW-Authenticate": "Bearer"},
            )
        changes = scope["type"] == "http" and scope["method"] not in SAFE
        if changes and scope["path"] not in OPEN:
            require_admin(identity)
            log.info("%s: %s %s", identity.name, scope["method"], _printable(scope["path"]))
        return identity

    def _check_origin(self, scope: Scope, headers: Headers) -> None:
        host = headers.get("host", "")
        if not self._hosts.accept(host):
            raise Problem(
                HTTPStatus.MISDIRECTED_REQUEST,
                "the server does not answer to this host name: use its address, or add the name to "
                "`serve: hosts`",
            )
        origin = headers.get("origin")
        safe = scope["type"] == "http" and scope["method"] in SAFE
        foreign = origin is not None and urlsplit(origin).netloc.lower() != host.lower()
        if foreign and not safe:
            raise Problem(HTTPStatus.FORBIDDEN, "requests from other web pages are not accepted")

    def _identity(self, headers: Headers) -> Identity | None:
        if self._access.open:
            return LOCAL
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._access.by_token(token.strip())
        session = session_of(headers)
        return self._access.by_session(session) if session else None


def require_admin(identity: Identity | None) -> None:
    """Raise Problem unless somebody with the role `admin` asks."""
    if identity is None or identity.role is not Role.ADMIN:
        raise Problem(HTTPStatus.FORBIDDEN, "this needs the role admin: log in as an admin")


def session_of(headers: Headers) -> str | None:
    """Return the session in the cookie, None if there is none."""
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return None
    return cookies[COOKIE].value if COOKIE in cookies else None


class _Gone(Exception):
    """The client does not take its answer."""


class _LimitedBody:
    """Receives a request's body within limits of size and time."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._size = 0
        self._complete = False
        self._until = asyncio.get_running_loop().time() + BODY_SECONDS

    async def __call__(self) -> Message:
        """Receive a message; raises Problem for a body that is too large or too slow."""
        if self._complete:
            return await self._receive()  # which waits for the disconnection
        left = self._until - asyncio.get_running_loop().time()
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, left))
        except asyncio.TimeoutError:
            raise Problem(
                HTTPStatus.REQUEST_TIMEOUT,
                f"the request was not complete after {BODY_SECONDS:g} s",
                {"Connection": "close"},
            ) from None
        self._size += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._size > MAX_BODY:
            raise Problem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"the body has more than {MAX_BODY} bytes",
                {"Connection": "close"},
            )
        return message


def _bounded(send: Send) -> Send:
    """Return `send` with a limit of time: a client that does not read must not be waited for.

    A timer costs a tenth of `asyncio.wait_for`, and live views send thousands of messages a second.
    """

    async def bounded(message: Message) -> None:
        task = asyncio.current_task()
        assert task
        late = False

        def interrupt() -> None:
            nonlocal late
            late = True
            task.cancel()

        timer = asyncio.get_running_loop().call_later(SEND_SECONDS, interrupt)
        try:
            await send(message)
        except asyncio.CancelledError:
            if late:
                raise _Gone from None
            raise
        finally:
            timer.cancel()

    return bounded


def _with_headers(send: Send, path: str) -> Send:
    """Return `send` with the headers that every answer has."""

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            # The files of the page are compared with the server's each time: they fit each other
            cached = "no-cache" if path.startswith(OPEN_FOLDER) else "no-store"
            headers.setdefault("Cache-Control", cached)
        await send(message)

    return with_headers


async def _refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()  # the wish to connect
        await send({"type": "websocket.close", "code": 1008, "reason": problem.detail[:100]})
        return
    problem.headers["Connection"] = "close"  # its body is not read
    await problem.response()(scope, receive, _with_headers(send, scope["path"]))


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text[:200])
