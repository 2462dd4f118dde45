"""A receiver of webhooks over HTTPS that misbehaves on request."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Event, Thread

from tests.support.cameras import CAP
from tests.support.certificates import Certificates


@dataclass(frozen=True)
class Answer:
    """One answer.

    raw: sent instead of a whole answer, before the connection ends
    silent: nothing is sent until the server ends
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    silent: bool = False


@dataclass(frozen=True)
class Request:
    """What arrived: path, headers with names in lower case, body, and what was answered."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    answer: Answer


@dataclass
class Receiver:
    """The answers to give, and the requests that came.

    answers: to the next requests, in order; later ones are answered with 200
    choose: gives the answer to a request's body instead, if it is not None
    """

    url: str = ""
    answers: deque[Answer] = field(default_factory=deque)
    choose: Callable[[bytes], Answer | None] = lambda _: None
    requests: list[Request] = field(default_factory=list)
    changed: Condition = field(default_factory=Condition)
    ended: Event = field(default_factory=Event)

    def wait_for(self, count: int) -> None:
        """Wait until so many requests have come."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.requests) >= count, CAP), (
                f"only {len(self.requests)} requests"
            )

    @property
    def taken(self) -> list[Request]:
        """The requests that were answered with 2xx."""
        return [each for each in self.requests if _is_taken(each.answer)]


@contextmanager
def receiving(certificates: Certificates | None = None) -> Iterator[Receiver]:
    """Run a receiver for the duration of the block; without certificates, it speaks HTTP."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            _answer(self, receiver)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def get_request(self) -> tuple[socket.socket, str]:
            connection, address = super().get_request()
            if certificates:
                connection = certificates.context().wrap_socket(
                    connection, server_side=True, do_handshake_on_connect=False
                )
            return connection, address

        def handle_error(self, *_: object) -> None:
            """Say nothing: clients that leave are part of the test."""

    with Server(("127.0.0.1", 0), Handler) as server:
        scheme = "https" if certificates else "http"
        receiver.url = f"{scheme}://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield receiver
        finally:
            receiver.ended.set()
            server.shutdown()
            thread.join()


def _answer(handler: BaseHTTPRequestHandler, receiver: Receiver) -> None:
    length = int(handler.headers["Content-Length"])
    body = handler.rfile.read(length)
    if len(body) < length:  # the sender was killed in the middle of its request
        handler.close_connection = True
        return
    headers = {name.lower(): value for name, value in handler.headers.items()}
    with receiver.changed:
        answer = receiver.choose(body)
        if answer is None:
            answer = receiver.answers.popleft() if receiver.answers else Answer()
        receiver.requests.append(Request(handler.path, headers, body, answer))
        receiver.changed.notify_all()
    handler.close_connection = True
    with suppress(OSError):
        if answer.silent:
            receiver.ended.wait()
        elif answer.raw is not None:
            handler.wfile.write(answer.raw)
        else:
            handler.send_response(answer.status)
            for name, value in {"Content-Length": "0", **answer.headers}.items():
                handler.send_header(name, value)
            handler.end_headers()


def _is_taken(answer: Answer) -> bool:
    return answer.raw is None and not answer.silent and 200 <= answer.status < 300
