"""Peers that are slow, silent or gone: every wait has an end."""

from __future__ import annotations

import socket
from contextlib import closing
from threading import Event, Thread

import pytest

from pipeline.connections.peer_socket import Deadline, PeerSocket, Stopped
from tests.support.cameras import CAP


def connected(
    seconds: float, stopped: Event, grace: float = 0.0
) -> tuple[PeerSocket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = PeerSocket("127.0.0.1", listener.getsockname()[1], Deadline(seconds, stopped, grace))
        return ours, listener.accept()[0]


def test_bytes_that_trickle_do_not_extend_the_deadline() -> None:
    ours, theirs = connected(0.5, Event())
    over = Event()

    def trickle() -> None:
        while not over.wait(0.01):
            theirs.send(b"a")

    thread = Thread(target=trickle)
    thread.start()
    with theirs, closing(ours):
        with pytest.raises(TimeoutError, match=r"not finished within 0\.5 s"):
            _read_on(ours)
        over.set()
        thread.join(CAP)


def _read_on(ours: PeerSocket) -> None:
    while True:
        ours.recv(1)


def test_a_peer_that_takes_nothing_ends_sending() -> None:
    ours, theirs = connected(0.3, Event())
    with theirs, closing(ours), pytest.raises(TimeoutError):
        ours.sendall(bytes(1 << 26))


def test_a_stop_ends_the_wait_of_another_thread() -> None:
    stopped = Event()
    ours, theirs = connected(10 * CAP, stopped)
    found: list[BaseException] = []

    def wait() -> None:
        with pytest.raises(Stopped) as caught:
            ours.recv(1)
        found.append(caught.value)

    thread = Thread(target=wait)
    thread.start()
    stopped.set()
    thread.join(CAP)
    with theirs, closing(ours):
        assert found


def test_within_the_grace_a_stopped_exchange_still_succeeds() -> None:
    stopped = Event()
    stopped.set()
    ours, theirs = connected(CAP, stopped, grace=CAP)
    with theirs, closing(ours):
        theirs.sendall(b"yes")
        assert ours.recv(3) == b"yes"


@pytest.mark.parametrize("host", ["camera.invalid", "a" * 70 + ".invalid", "..", ""])
def test_a_name_without_an_address_is_an_error_of_the_system(host: str) -> None:
    with pytest.raises(OSError, match=r"."):
        PeerSocket(host, 9, Deadline(CAP, Event()))


def test_a_closed_port_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        PeerSocket("127.0.0.1", port, Deadline(CAP, Event()))
