"""Requests in JSON to a process of the same user, through a socket file."""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Thread
from time import monotonic
from typing import Any

from detector.errors import FramelaneError

log = logging.getLogger("framelane")

Message = Mapping[str, Any]
MAX_BYTES = 64 << 20  # of a request: a part of a model, as text
BACKLOG = 16
LAST_SECONDS = 2.0


class NotThere(FramelaneError):
    """No process answers at the socket."""


class LocalServer:
    """Answers requests at a socket file while it is open, one thread for each client.

    path: of the socket; its folder is closed to other users
    answer: returns the answer to a request; a FramelaneError is passed on to the client
    At its end, requests under way get their answers, if these take no longer than LAST_SECONDS.
    Raises OSError if the socket cannot be made.
    """

    def __init__(self, path: Path, answer: Callable[[Message], Message]) -> None:
        self._path = path
        self._answer = answer
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with _short(path) as address:
            before = os.umask(0o177)
            try:
                self._listener.bind(address)
            finally:
                os.umask(before)
        self._listener.listen(BACKLOG)
        self._thread = Thread(target=self._accept, name="requests", daemon=True)
        self._requests: list[Thread] = []  # under way

    def __enter__(self) -> LocalServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._path.unlink(missing_ok=True)
        until = monotonic() + LAST_SECONDS
        for request in self._requests:
            request.join(max(0.0, until - monotonic()))

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # it was closed
            request = Thread(target=self._serve, args=(client,), name="request", daemon=True)
            request.start()
            self._requests = [each for each in (*self._requests, request) if each.is_alive()]

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            answer = self._answered(client)
            client.sendall(json.dumps(answer).encode() + b"\n")

    def _answered(self, client: socket.socket) -> Message:
        try:
            return self._answer(_receive(client))
        except FramelaneError as error:
            return {"error": str(error), "exit_code": error.exit_code}
        except Exception:
            log.exception("a request failed")
            return {"error": "a bug: the log of the process shows more", "exit_code": 1}


def ask(path: Path, request: Message, timeout: float) -> dict[str, Any]:
    """Return the answer to a request.

    Raises NotThere if no process answers in time, FramelaneError if it refuses.
    """
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as client:
        client.settimeout(timeout)
        try:
            with _short(path) as address:
                client.connect(address)
            client.sendall(json.dumps(request).encode() + b"\n")
            answer = _receive(client)
        except (OSError, ValueError) as error:
            raise NotThere(f"nobody answers at {path}: {error}") from error
    if "error" in answer:
        error_ = FramelaneError(answer["error"])
        error_.exit_code = answer.get("exit_code", 1)
        raise error_
    return answer


def _receive(connection: socket.socket) -> dict[str, Any]:
    """Return the message in a line; raises OSError or ValueError."""
    with connection.makefile("rb") as lines:
        line = lines.readline(MAX_BYTES)
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("a mapping is expected")
    return message


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Yield a short path of the same file: the system takes a hundred characters at most."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
