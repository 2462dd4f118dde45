"""Resources read over HTTP from a server that is not trusted: limits and deadlines for all of it.

FFmpeg's own HTTP keeps a line or a part of any length, and its deadline begins anew with each byte.
Redirects, passwords, proxies and chunks are the standard library's work; the waiting is ours.
"""

from __future__ import annotations

import base64
import http.client
import io
import ssl
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack, closing
from http.client import HTTPException
from types import MappingProxyType
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit, urlunsplit

from pipeline.connections.causes import trouble_opening
from pipeline.connections.peer_socket import Deadline, PeerSocket, Stopped
from pipeline.connections.status import Cause, Disconnected, Trouble

MAX_BEFORE_BODY = 1 << 20  # bytes of headers, and of the bodies of redirects and refusals
AGENT = "Framelane"
_CAUSES = {401: Cause.UNAUTHORISED, 403: Cause.UNAUTHORISED, 404: Cause.NOT_FOUND}
OPTIONS = ("headers", "user_agent", "referer", "cookies", "tls_verify", "ca_file")
NO_OPTIONS: Mapping[str, str] = MappingProxyType({})


class Response:
    """The body of one resource.

    url: after redirects, without credentials; deadline: of the next reads
    Raises Disconnected if the server does not deliver it, and Stopped.
    """

    def __init__(
        self, url: str, deadline: Deadline, timeout: float, options: Mapping[str, str] = NO_OPTIONS
    ) -> None:
        self.deadline = deadline
        self._timeout = timeout
        self._connections = _Connections(deadline, _tls(options))
        try:
            self._response = self._opened(url, options)
        except BaseException:
            self.close()
            raise
        self._connections.budget = None
        self.url: str = self._response.url

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes as soon as some are there, none at the end."""
        try:
            return bytes(self._response.read1(size))
        except (OSError, HTTPException) as error:
            raise self._lost(error) from None

    def close(self) -> None:
        """Close the connection."""
        self._connections.close()

    def _opened(self, url: str, options: Mapping[str, str]) -> Any:
        try:
            plain, passwords = _without_user(url)
        except ValueError as error:  # a bracket without its counterpart
            raise self._lost(error) from None
        opener = urllib.request.OpenerDirector()
        handlers: list[urllib.request.BaseHandler] = [
            urllib.request.ProxyHandler(),
            self._connections,
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPRedirectHandler(),
            urllib.request.HTTPErrorProcessor(),
        ]
        if passwords:
            handlers.append(_Basic(passwords))
            handlers.append(urllib.request.HTTPDigestAuthHandler(passwords))
        for handler in handlers:
            opener.add_handler(handler)
        try:
            response = opener.open(urllib.request.Request(plain, headers=_headers(options)))
        except (OSError, HTTPException, ValueError, LookupError) as error:
            # LookupError: of the standard library's digest; not chained: the text has the URL
            raise self._lost(error) from None
        if response is None:
            raise Disconnected(Trouble(Cause.UNSUPPORTED, "only http and https are read"))
        return response

    def _lost(self, error: Exception) -> Exception:
        while isinstance(error, URLError) and isinstance(error.reason, Exception):
            error = error.reason
        if isinstance(error, Stopped):
            return error
        if isinstance(error, HTTPError):
            cause = _CAUSES.get(error.code, Cause.REFUSED)
            return Disconnected(Trouble(cause, f"the server answered {error.code}"))
        if isinstance(error, (HTTPException, ValueError, LookupError)):
            return Disconnected(Trouble(Cause.BAD_DATA, "the server does not speak HTTP properly"))
        return Disconnected(trouble_opening(error, 0.0, self._timeout))


class _Basic(urllib.request.BaseHandler):
    """Sends the password to a server that asks for it unencrypted (RFC 7617)."""

    def __init__(self, passwords: urllib.request.HTTPPasswordMgr) -> None:
        self._passwords = passwords

    def http_error_401(
        self, request: urllib.request.Request, refusal: Any, code: int, words: str, headers: Any
    ) -> Any:
        """Ask again with the password, once."""
        asked = any(
            each.lower().startswith("basic") for each in headers.get_all("www-authenticate", [])
        )
        user, password = self._passwords.find_user_password("", request.full_url)
        if not asked or user is None or request.has_header("Authorization"):
            return None
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {pair}")
        return self.parent.open(request)


class _Connections(urllib.request.AbstractHTTPHandler):
    """Makes the connections of one request, of which redirects may need several.

    budget: bytes that may still arrive; None: any number
    """

    def __init__(self, deadline: Deadline, tls: ssl.SSLContext) -> None:
        super().__init__()
        self.budget: int | None = MAX_BEFORE_BODY
        self._deadline = deadline
        self._tls = tls
        self._open = ExitStack()

    def http_open(self, request: urllib.request.Request) -> Any:
        """Open an http URL."""
        return self.do_open(self._plain, request)

    def https_open(self, request: urllib.request.Request) -> Any:
        """Open an https URL."""
        return self.do_open(self._encrypted, request)

    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        """Add the headers that every request has."""
        return self.do_request_(request)

    https_request = http_request

    def connect(self, host: str, port: int) -> PeerSocket:
        """Return a connection that is closed with this object."""
        return self._open.enter_context(closing(PeerSocket(host, port, self._deadline)))

    def close(self) -> None:
        """Close all connections."""
        self._open.close()

    def _plain(self, host: str, **_: object) -> http.client.HTTPConnection:
        return _Connection(host, self, None)

    def _encrypted(self, host: str, **_: object) -> http.client.HTTPConnection:
        return _Connection(host, self, self._tls)


class _Connection(http.client.HTTPConnection):
    """The standard library's connection, over one of ours."""

    def __init__(self, host: str, owner: _Connections, tls: ssl.SSLContext | None) -> None:
        self.default_port = 443 if tls else 80
        super().__init__(host)
        self._owner = owner
        self._encryption = tls

    def connect(self) -> None:
        """Connect, through a proxy if there is one."""
        peer = self._owner.connect(self.host, self.port)
        self.sock: Any = _Adapter(peer, self._owner)
        if self._tunnel_host:  # type: ignore[attr-defined]
            self._tunnel()  # type: ignore[attr-defined]
        if self._encryption:
            peer.start_tls(self._encryption, self._tunnel_host or self.host)  # type: ignore[attr-defined]


class _Adapter(io.RawIOBase):
    """What the standard library needs of a socket; closing is left to the owner."""

    def __init__(self, peer: PeerSocket, owner: _Connections) -> None:
        self._peer = peer
        self._owner = owner

    def sendall(self, data: Any) -> None:
        """Send all of it."""
        self._peer.sendall(bytes(data))

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return the receiving side."""
        assert mode == "rb"
        return io.BufferedReader(_Adapter(self._peer, self._owner))

    def readable(self) -> bool:
        """Return True: it is read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Receive some bytes."""
        data = self._peer.recv(len(buffer))
        if self._owner.budget is not None:
            self._owner.budget -= len(data)
            if self._owner.budget < 0:
                raise HTTPException(f"more than {MAX_BEFORE_BODY} bytes before the body")
        buffer[: len(data)] = data
        return len(data)


def _without_user(url: str) -> tuple[str, urllib.request.HTTPPasswordMgr | None]:
    """Return `url` without user and password, and what holds them for its host only, if any."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    plain = urlunsplit((parts.scheme, host, parts.path or "/", parts.query, ""))
    if parts.username is None:
        return plain, None
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    user, password = unquote(parts.username), unquote(parts.password or "")
    passwords.add_password(None, f"{parts.scheme}://{host}/", user, password)
    return plain, passwords


def _tls(options: Mapping[str, str]) -> ssl.SSLContext:
    """Return how to encrypt: like FFmpeg, any certificate is taken unless tls_verify is 1."""
    context = ssl.create_default_context(cafile=options.get("ca_file"))
    if options.get("tls_verify", "0") in {"0", "false"}:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # cameras sign their own
    return context


def _headers(options: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a request, from options under FFmpeg's names."""
    headers = {"User-Agent": options.get("user_agent", AGENT), "Accept": "*/*"}
    if "referer" in options:
        headers["Referer"] = options["referer"]
    if "cookies" in options:  # one per line, as in Set-Cookie
        lines = options["cookies"].splitlines()
        headers["Cookie"] = "; ".join(line.partition(";")[0].strip() for line in lines)
    for line in options.get("headers", "").splitlines():
        name, _, value = line.partition(":")
        if name.strip():
            headers[name.strip()] = value.strip()
    return headers
