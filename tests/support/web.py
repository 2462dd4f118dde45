"""A client of the web server: plain HTTP, one connection for each request."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any, NamedTuple

from pipeline.config import RunConfig
from pipeline.run import Run
from pipeline.web.serving import web_server
from tests.support.cameras import CAP
from tests.support.runs import running_well


class Answer(NamedTuple):
    """An answer: its status, its headers, and its content, parsed if it is JSON."""

    status: int
    headers: dict[str, str]
    content: Any


class Visitor:
    """Sends requests to a server on this machine; token, cookie: that it identifies itself with."""

    def __init__(self, port: int, run: Run) -> None:
        self.port = port
        self.run = run
        self.identity: dict[str, str] = {}

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Return the answer; a body that is no string is sent as JSON."""
        text = body if isinstance(body, (str, bytes)) else json.dumps(body)
        sent = {"Content-Type": "application/json", **self.identity, **(headers or {})}
        connection = HTTPConnection("127.0.0.1", self.port, timeout=CAP)
        connection.request(method, path, None if body is None else text, sent)
        answer = connection.getresponse()
        raw = answer.read()
        connection.close()
        found = {name.lower(): value for name, value in answer.getheaders()}
        is_json = "json" in found.get("content-type", "")
        return Answer(answer.status, found, json.loads(raw) if is_json else raw)

    def use_token(self, token: str) -> None:
        """Identify with a token from here on."""
        self.identity = {"Authorization": f"Bearer {token}"}


@contextmanager
def visited(config: RunConfig) -> Iterator[Visitor]:
    """Run a configuration that has `serve`, and yield a visitor."""
    with running_well(config) as run, web_server(run, config) as server:
        yield Visitor(server.port, run)
