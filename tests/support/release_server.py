"""An HTTP server on loopback that serves files like a release, with faults on request."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread


@dataclass(frozen=True)
class Fault:
    """A fault of one response.

    status: sent instead of the file; moved_to: target of a redirect
    stop_after: bytes of the body after which the connection is closed
    silent: send nothing until the server ends
    claim: bytes that Content-Length is too large, or too small if negative
    shift: bytes by which a part starts elsewhere than requested
    """

    status: int = 0
    moved_to: str = ""
    stop_after: int | None = None
    silent: bool = False
    claim: int = 0
    shift: int = 0


@dataclass
class Release:
    """The served files by path, and the requests.

    version: the header with the version of a file: `ETag`, `Last-Modified`, or empty
    ranges: whether partial requests are answered
    faults: of the next responses, in order
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    version: str = "ETag"
    ranges: bool = True
    faults: deque[Fault] = field(default_factory=deque)
    requests: list[tuple[str, str | None]] = field(default_factory=list)  # path, Range
    ended: Event = field(default_factory=Event)


@contextmanager
def serving() -> Iterator[Release]:
    """Run a server for the duration of the block."""
    release = Release()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            _answer(self, release)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        release.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield release
        finally:
            release.ended.set()
            server.shutdown()
            thread.join()


def _answer(handler: BaseHTTPRequestHandler, release: Release) -> None:
    release.requests.append((handler.path, handler.headers["Range"]))
    fault = release.faults.popleft() if release.faults else Fault()
    handler.close_connection = True
    if fault.silent:
        release.ended.wait()
    elif fault.moved_to:
        handler.send_response(302)
        handler.send_header("Location", fault.moved_to)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
    elif fault.status or handler.path not in release.files:
        handler.send_error(fault.status or 404)
    else:
        _send(handler, release, fault)


def _send(handler: BaseHTTPRequestHandler, release: Release, fault: Fault) -> None:
    content = release.files[handler.path]
    version = f'"{md5(content).hexdigest()}"' if release.version == "ETag" else _date(content)
    start = _first_byte(handler, release, version, fault)
    if start >= len(content) > 0:
        handler.send_error(416)
        return
    handler.send_response(206 if start else 200)
    if release.version:
        handler.send_header(release.version, version)
    if start:
        handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
    handler.send_header("Content-Length", str(len(content) - start + fault.claim))
    handler.end_headers()
    body = content[start:]
    if fault.claim < 0:
        body = body[: fault.claim]
    handler.wfile.write(body[: fault.stop_after])


def _first_byte(
    handler: BaseHTTPRequestHandler, release: Release, version: str, fault: Fault
) -> int:
    requested, condition = handler.headers["Range"], handler.headers["If-Range"]
    if not requested or not release.ranges or condition != version:
        return 0
    return int(requested.removeprefix("bytes=").removesuffix("-")) + fault.shift


def _date(content: bytes) -> str:
    return f"Mon, 04 Jul 2022 10:00:{content[0] % 60:02} GMT" if content else ""
