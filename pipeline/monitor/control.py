"""An HTTP endpoint to show, add and remove streams during a run, for this machine only.

GET /streams             all streams: states, frames, latency
GET /streams/NAME        one stream
POST /streams            add a stream: a source as in a configuration file, as JSON
DELETE /streams/NAME     end a stream, and return its last figures
"""

from __future__ import annotations

import json
from http import HTTPStatus
from ipaddress import ip_address
from threading import Thread
from typing import Any, NoReturn
from urllib.parse import unquote

from pydantic import ValidationError

from detector.errors import FramelaneError, UsageError
from detector.settings import explain
from pipeline.config import SourceConfig
from pipeline.monitor.http_server import Refused, Request, Server
from pipeline.redaction import without_password
from pipeline.report import stream_figures
from pipeline.run import Run

POLL_SECONDS = 0.1  # between two checks whether to end


class Control:
    """Serves `run` at `address` while it is open, on threads of its own.

    address: HOST:PORT on the loopback interface; port 0 takes a free one
    Raises UsageError for an address that is malformed, reachable by other machines, or in use.
    """

    def __init__(self, run: Run, address: str) -> None:
        host, port = _loopback(address)
        try:
            self._server = Server((host, port), _Answers(run))
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
        self._server.end_requests()


class _Answers:
    """Answers requests about the streams of a run."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def __call__(self, request: Request) -> tuple[HTTPStatus, Any]:
        """Return the status and the content of the answer; raises Refused."""
        _refuse_web_pages(request)
        answers = {"GET": self._show, "POST": self._add, "DELETE": self._remove}
        if request.method not in answers:
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "the methods are GET, POST and DELETE")
        try:
            return answers[request.method](request)
        except UsageError as error:
            raise Refused(HTTPStatus.BAD_REQUEST, without_password(str(error))) from error
        except FramelaneError as error:
            raise Refused(HTTPStatus.CONFLICT, without_password(str(error))) from error

    def _show(self, request: Request) -> tuple[HTTPStatus, Any]:
        name = _stream_of(request)
        streams = {
            stream.name: stream_figures(self._run.pipeline, stream)
            for stream in self._run.streams
            if name in (None, stream.name)
        }
        if name is None:
            return HTTPStatus.OK, {"streams": streams}
        if name not in streams:
            _not_found(name)
        return HTTPStatus.OK, streams[name]

    def _add(self, request: Request) -> tuple[HTTPStatus, Any]:
        if _stream_of(request) is not None:
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "POST is accepted at /streams only")
        try:
            source = SourceConfig.model_validate(_json(request))
        except ValidationError as error:
            raise UsageError(explain(error, SourceConfig, ".".join)) from None
        return HTTPStatus.CREATED, {"name": self._run.add(source)}

    def _remove(self, request: Request) -> tuple[HTTPStatus, Any]:
        name = _stream_of(request)
        if name is None or name not in {stream.name for stream in self._run.streams}:
            _not_found(name or "")
        return HTTPStatus.OK, self._run.remove(name)


def _refuse_web_pages(request: Request) -> None:
    """Refuse a request that a web page in the operator's browser may have sent.

    Such a page can send requests to this address, but they name its own origin, or the host
    name by which it reached this machine.
    """
    host = request.headers.get("Host", "").rpartition(":")[0].strip("[]")
    if host != "localhost" and not _is_loopback(host):
        raise Refused(HTTPStatus.FORBIDDEN, "only requests to localhost are accepted")
    if request.headers.get("Origin"):
        raise Refused(HTTPStatus.FORBIDDEN, "requests from web pages are not accepted")


def _stream_of(request: Request) -> str | None:
    """Return the stream that the path names; None for all streams."""
    match request.path.strip("/").split("/"):
        case ["streams"]:
            return None
        case ["streams", name]:
            return unquote(name)
    raise Refused(HTTPStatus.NOT_FOUND, "the paths are /streams and /streams/NAME")


def _not_found(name: str) -> NoReturn:
    raise Refused(HTTPStatus.NOT_FOUND, f"no stream '{name}'")


def _json(request: Request) -> Any:
    try:
        content = json.loads(request.body())
    except (ValueError, RecursionError):  # not JSON, not UTF-8, or nested too deep
        content = None
    if not isinstance(content, dict):
        raise Refused(HTTPStatus.BAD_REQUEST, "a source as a JSON object is expected")
    return content


def _loopback(address: str) -> tuple[str, int]:
    host, found, port = address.rpartition(":")
    if not found or not (port.isascii() and port.isdecimal()) or int(port[:6]) > 65535:
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
