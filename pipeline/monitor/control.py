"""An HTTP endpoint to show, add and remove streams during a run, for this machine only.

GET /streams             all streams: states, frames, latency
GET /streams/NAME        one stream
POST /streams            add a stream: a source as in a configuration file, as JSON
DELETE /streams/NAME     end a stream, and return its last figures
"""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from threading import Thread
from typing import Any
from urllib.parse import unquote

from pydantic import ValidationError

from detector.errors import FramelaneError, UsageError
from detector.settings import explain
from pipeline.config import SourceConfig
from pipeline.redaction import without_password
from pipeline.report import stream_figures
from pipeline.run import Run

MAX_REQUEST = 1 << 16  # bytes; a source takes some hundreds
POLL_SECONDS = 0.1  # between two checks whether to end


class Control:
    """Serves `run` at `address` while it is open, on threads of its own.

    address: HOST:PORT on the loopback interface; port 0 takes a free one
    Raises UsageError for an address that is malformed, reachable by other machines, or in use.
    """

    def __init__(self, run: Run, address: str) -> None:
        host, port = _loopback(address)
        try:
            self._server = _Server((host, port), run)
        except OSError as error:
            raise UsageError(f"--control: {address}: {error.strerror}") from error
        self.port: int = self._server.server_port
        self._thread = Thread(target=self._server.serve_forever, args=(POLL_SECONDS,))

    def __enter__(self) -> Control:
        self._thread.name = "control"
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # open requests are answered before the end

    def __init__(self, address: tuple[str, int], run: Run) -> None:
        super().__init__(address, _Handler)
        self.run = run


class _Refused(Exception):
    """A request that is refused: HTTP status and reason."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10  # seconds for a client to send its request

    def do_GET(self) -> None:
        """Show one stream or all."""
        self._answer(self._show)

    def do_POST(self) -> None:
        """Add a stream."""
        self._answer(self._add)

    def do_DELETE(self) -> None:
        """Remove a stream."""
        self._answer(self._remove)

    def log_message(self, *_: object) -> None:
        """Do nothing: a request may contain a password."""

    def _answer(self, answer: Callable[[], tuple[HTTPStatus, Any]]) -> None:
        try:
            self._refuse_web_pages()
            status, content = answer()
        except _Refused as refused:
            status, content = refused.status, {"error": str(refused)}
        except UsageError as error:
            status, content = HTTPStatus.BAD_REQUEST, {"error": without_password(str(error))}
        except FramelaneError as error:
            status, content = HTTPStatus.CONFLICT, {"error": without_password(str(error))}
        body = json.dumps(content).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _refuse_web_pages(self) -> None:
        """Refuse a request that a web page in the operator's browser may have sent.

        Such a page can send requests to this address, but they name its own origin, or the host
        name by which it reached this machine.
        """
        host = self.headers.get("Host", "").rpartition(":")[0].strip("[]")
        if host != "localhost" and not _is_loopback(host):
            raise _Refused(HTTPStatus.FORBIDDEN, "only requests to localhost are accepted")
        if self.headers.get("Origin"):
            raise _Refused(HTTPStatus.FORBIDDEN, "requests from web pages are not accepted")

    @property
    def _name(self) -> str | None:
        """The stream that the path names; None for all streams."""
        match self.path.strip("/").split("/"):
            case ["streams"]:
                return None
            case ["streams", name]:
                return unquote(name)
        raise _Refused(HTTPStatus.NOT_FOUND, "the paths are /streams and /streams/NAME")

    def _show(self) -> tuple[HTTPStatus, Any]:
        run, name = self.server.run, self._name
        streams = {
            stream.name: stream_figures(run.pipeline, stream)
            for stream in run.streams
            if name in (None, stream.name)
        }
        if name is None:
            return HTTPStatus.OK, {"streams": streams}
        if name not in streams:
            raise _Refused(HTTPStatus.NOT_FOUND, f"no stream '{name}'")
        return HTTPStatus.OK, streams[name]

    def _add(self) -> tuple[HTTPStatus, Any]:
        if self._name is not None:
            raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED, "POST is accepted at /streams only")
        try:
            source = SourceConfig.model_validate(self._json())
        except ValidationError as error:
            raise UsageError(explain(error, SourceConfig, ".".join)) from None
        return HTTPStatus.CREATED, {"name": self.server.run.add(source)}

    def _remove(self) -> tuple[HTTPStatus, Any]:
        name = self._name
        if name is None or name not in {stream.name for stream in self.server.run.streams}:
            raise _Refused(HTTPStatus.NOT_FOUND, f"no stream '{name or ''}'")
        return HTTPStatus.OK, self.server.run.remove(name)

    def _json(self) -> Any:
        size = self.headers.get("Content-Length", "")
        if not size.isdecimal() or int(size) > MAX_REQUEST:
            raise _Refused(HTTPStatus.BAD_REQUEST, f"Content-Length: at most {MAX_REQUEST} bytes")
        try:
            content = json.loads(self.rfile.read(int(size)))
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise _Refused(HTTPStatus.BAD_REQUEST, "a source as a JSON object is expected")
        return content


def _loopback(address: str) -> tuple[str, int]:
    host, found, port = address.rpartition(":")
    if not found or not port.isdecimal() or int(port) > 65535:
        raise UsageError(f"--control: '{address}' given: give HOST:PORT, as in 127.0.0.1:8080")
    if host != "localhost" and not _is_loopback(host):
        raise UsageError(
            f"--control: {host} given: every machine that reaches the address could control the "
            "run: give an address of the loopback interface, as 127.0.0.1"
        )
    return host, int(port)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
