"""A small HTTP server that answers every request in JSON, and that no client can hold up.

A request has a total time, a total size and one answer; so has the end of the server.
"""

from __future__ import annotations

import io
import json
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any, Protocol

log = logging.getLogger("framelane")

REQUEST_SECONDS = 10.0  # for a client to send its request, and again to take its answer
DRAIN_SECONDS = 1.0  # for which the rest of a refused request is read, so that its answer arrives
END_SECONDS = 1.0  # for open requests at the end of the server
MAX_BODY = 1 << 16  # bytes; a source takes some hundreds
MAX_REQUEST = 2 * MAX_BODY  # bytes, with request line and headers
MAX_CLIENTS = 16  # at the same time; each has a thread


class Request(Protocol):
    """A request whose headers have been read."""

    @property
    def method(self) -> str:
        """GET, for example."""

    path: str
    headers: Message

    def body(self) -> bytes:
        """Return the body; raises Refused if it is too large, or incomplete."""


Answer = Callable[[Request], tuple[HTTPStatus, Any]]


class Refused(Exception):
    """A request that is refused: HTTP status and reason."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Server(HTTPServer):
    """Answers requests, each on a thread of its own, until `shutdown` and `end_requests`.

    answer: returns the status and the content of an answer; what it raises besides Refused is
        logged, and answered as an internal error
    """

    request_queue_size = MAX_CLIENTS

    def __init__(self, address: tuple[str, int], answer: Answer) -> None:
        super().__init__(address, _Handler)
        self.answer = answer
        self.ending = Event()
        self._lock = Lock()
        self._open: dict[socket.socket, Thread] = {}

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer on a new thread, which must not keep the process alive."""
        thread = Thread(target=self._serve, args=(request, client_address), daemon=True)
        thread.name = "control/request"
        with self._lock:
            accepted = len(self._open) < MAX_CLIENTS
            if accepted:
                self._open[request] = thread
        if accepted:
            thread.start()
            return
        with suppress(OSError):
            request.settimeout(0.0)
            request.recv(MAX_BODY)  # with unread data the connection, and the answer, is reset
            reason = f"{MAX_CLIENTS} requests are open: try again later"
            request.sendall(_answer(HTTPStatus.SERVICE_UNAVAILABLE, {"error": reason}))
        self.shutdown_request(request)

    def end_requests(self) -> None:
        """Close the port; give open requests a moment to be answered, and then break them off."""
        self.ending.set()
        self.server_close()
        until = monotonic() + END_SECONDS
        self._break_off(socket.SHUT_RD, until)  # the rest of a request is not waited for
        self._break_off(socket.SHUT_RDWR, until + END_SECONDS)  # and no answer is taken

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log a bug instead of printing it."""
        log.exception("the control endpoint failed")

    def _break_off(self, side: int, until: float) -> None:
        with self._lock:
            left = dict(self._open)
        for request in left:
            with suppress(OSError):
                request.shutdown(side)
        for thread in left.values():
            thread.join(max(0.0, until - monotonic()))

    def _serve(self, request: socket.socket, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
        finally:
            with self._lock:
                self._open.pop(request, None)
            self.shutdown_request(request)


class _Handler(BaseHTTPRequestHandler):
    """Reads one request, answers it, and closes the connection."""

    server: Server
    connection: socket.socket

    @property
    def method(self) -> str:
        return str(self.command)

    def setup(self) -> None:
        """Give the whole request its time and size."""
        self.connection = self.request
        self._received = _Received(self.connection, self.server.ending)
        self.rfile = io.BufferedReader(self._received)
        self.wfile = io.BytesIO()  # nothing but a whole answer is sent
        self._answer = b""

    def handle(self) -> None:
        """Read the request and make its answer."""
        try:
            self._answer_request()
        except Refused as refused:
            self._give(refused.status, {"error": str(refused)})
        except OSError:
            pass  # the client is gone: nobody takes an answer
        except Exception:
            log.exception("a request failed")
            self._give(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": "a bug: the log shows more"})

    def finish(self) -> None:
        """Send the answer, and let the client finish sending, so that the answer is not lost."""
        with suppress(OSError):
            self.connection.settimeout(REQUEST_SECONDS)
            self.connection.sendall(self._answer)
            self.connection.shutdown(socket.SHUT_WR)
            self._received.drain()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a request that the base class does not understand."""
        status = HTTPStatus(code)
        self._give(status, {"error": message or status.phrase})

    def log_message(self, *_: object) -> None:
        """Do nothing: a request may contain a password."""

    def body(self) -> bytes:
        """Return the body; raises Refused if it is too large, or incomplete."""
        given = self.headers.get("Content-Length", "")
        size = int(given) if given.isascii() and given.isdecimal() and len(given) < 10 else None
        if size is None or size > MAX_BODY:
            raise Refused(HTTPStatus.BAD_REQUEST, f"Content-Length: at most {MAX_BODY} bytes")
        content = self.rfile.read(size)
        if len(content) < size:
            raise Refused(HTTPStatus.BAD_REQUEST, f"{len(content)} of {size} bytes came")
        return content

    def _answer_request(self) -> None:
        self.raw_requestline = self.rfile.readline(MAX_BODY)
        if not self.raw_requestline:
            return  # the client closed the connection without a request
        if not self.raw_requestline.endswith(b"\n"):
            raise Refused(HTTPStatus.REQUEST_URI_TOO_LONG, "the first line does not end")
        if self.parse_request():  # otherwise it has called send_error
            self._give(*self.server.answer(self))

    def _give(self, status: HTTPStatus, content: Any) -> None:
        self._answer = _answer(status, content)


def _answer(status: HTTPStatus, content: Any) -> bytes:
    body = json.dumps(content).encode() + b"\n"
    head = (
        f"HTTP/1.0 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


class _Received(io.RawIOBase):
    """What a client sends: it must be complete in time, and of limited size."""

    def __init__(self, connection: socket.socket, ending: Event) -> None:
        self._connection = connection
        self._ending = ending
        self._until = monotonic() + REQUEST_SECONDS
        self._left = MAX_REQUEST

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Receive once; raises Refused when time or size is used up, or the server ends."""
        try:
            count = self._receive(memoryview(buffer)[: self._left])
        except TimeoutError:
            reason = f"the request was not complete after {REQUEST_SECONDS:.0f} s"
            raise Refused(HTTPStatus.REQUEST_TIMEOUT, reason) from None
        if not count and self._ending.is_set():
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "the run is ending")
        self._left -= count
        if not self._left:
            reason = f"more than {MAX_REQUEST} bytes"
            raise Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, reason)
        return count

    def drain(self) -> None:
        """Receive and forget what still comes, for a moment; raises OSError."""
        self._until = min(self._until, monotonic() + DRAIN_SECONDS)
        rest = memoryview(bytearray(MAX_BODY))
        while self._receive(rest):
            pass

    def _receive(self, buffer: memoryview) -> int:
        left = self._until - monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)
