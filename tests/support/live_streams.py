"""Live sources for tests, read on threads, and servers that answer badly."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from threading import Thread

import pytest

from pipeline.connections.status import Cause, State
from pipeline.sources import Decoded, Skipped, SourceError, make_source
from pipeline.sources.live.source import Live
from pipeline.sources.street.frame_counter import read_counter
from tests.support.cameras import CAP
from tests.support.environment import PASSWORD

QUICK = {"retry_seconds": 0.1, "max_retry_seconds": 0.2, "timeout_seconds": 20.0}


def live(url: str, **options: object) -> Live:
    """Return the source as the builder makes it, with short pauses between attempts."""
    source = make_source(url, "cam", QUICK | options)
    assert isinstance(source, Live)
    return source


def decoded(source: Live) -> Iterator[Decoded]:
    """Open the source, and yield its decoded frames."""
    source.open()
    return (item for item in source if isinstance(item, Decoded))


def numbers(frames: list[Decoded]) -> list[int | None]:
    """Return the numbers that are drawn in frames."""
    return [read_counter(item.picture.bgr) for item in frames]


@contextmanager
def reading(source: Live) -> Iterator[list[Decoded | Skipped]]:
    """Read the source on a thread of its own, into the list; stop it at the end."""
    found: list[Decoded | Skipped] = []

    def read() -> None:
        with closing(source):
            source.open()
            for item in source:
                found.append(item)

    thread = Thread(target=read)
    thread.start()
    try:
        yield found
    finally:
        source.stop()
        thread.join(CAP)
        assert not thread.is_alive()


def trouble(url: str, **options: object) -> tuple[Cause, str]:
    """Return why a source cannot be opened, without reconnects: cause and detail."""
    source = live(url, reconnect=False, **options)
    with closing(source), pytest.raises(SourceError):
        source.open()
    assert source.status.state is State.FAILED
    assert source.status.trouble
    return source.status.trouble.cause, source.status.trouble.detail


@contextmanager
def answering(answer: bytes | None) -> Iterator[str]:
    """Send these bytes to each client (None: stay silent), and yield the server's URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        clients: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return  # it was shut down
                clients.append(client)
                if answer is not None:
                    with suppress(OSError):  # the client has gone before
                        client.recv(4096)
                        client.sendall(answer)
                        client.shutdown(socket.SHUT_RDWR)

        thread = Thread(target=serve)
        thread.start()
        yield f"rtsp://viewer:{PASSWORD}@127.0.0.1:{listener.getsockname()[1]}/1"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(CAP)
        for client in clients:
            client.close()
