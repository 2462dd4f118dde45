"""The state of a TCP connection and its bytes, which Linux counts at an offset that we know."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from pipeline.sinks.rtsp.server_child.tcp import ESTABLISHED, cut_off, traffic
from tests.support.cameras import CAP, until

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A viewer, and the server's end of its connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        viewer = socket.create_connection(listener.getsockname(), CAP)
        server, _ = listener.accept()
    with viewer, server:
        yield viewer, server


def test_bytes_are_counted_whether_they_are_read_or_not(pair: Pair) -> None:
    viewer, server = pair
    assert traffic(server) == (ESTABLISHED, 0)
    viewer.sendall(b"x" * 1000)
    until(lambda: traffic(server) == (ESTABLISHED, 1000))
    server.recv(400)
    viewer.sendall(b"x" * 234)
    until(lambda: traffic(server) == (ESTABLISHED, 1234))


def test_a_viewer_that_goes_and_an_end_that_is_closed_are_seen(pair: Pair) -> None:
    viewer, server = pair
    viewer.close()
    until(lambda: traffic(server)[0] != ESTABLISHED)
    server.close()
    assert traffic(server) == (0, 0)


def test_a_connection_is_reset_though_another_descriptor_of_it_is_open(pair: Pair) -> None:
    viewer, server = pair
    with server.dup():
        cut_off(server)
        with pytest.raises(ConnectionResetError):
            viewer.recv(1)
