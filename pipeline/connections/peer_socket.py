"""A TCP connection to a peer that is not trusted: every wait has a deadline and can be stopped."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Callable
from functools import partial
from select import POLLERR, POLLHUP, POLLOUT, poll
from threading import Event, Thread
from time import monotonic
from typing import Any, TypeVar

_T = TypeVar("_T")
_SLICE = 0.1  # seconds between two looks at the stop: a socket cannot wait for an Event


class Stopped(OSError):
    """The wait for a peer was given up because the run ends."""


class Deadline:
    """A moment until which a whole exchange must be over, however its bytes trickle.

    seconds: from now
    stopped: ends every wait early, `grace` seconds after it was set
    """

    def __init__(self, seconds: float, stopped: Event, grace: float = 0.0) -> None:
        self._seconds = seconds
        self._stopped = stopped
        self._grace = grace
        self._at = monotonic() + seconds
        self._stop_at: float | None = None

    def restart(self) -> None:
        """Begin again: the peer has delivered something complete."""
        self._at = monotonic() + self._seconds

    def slice(self) -> float:
        """Return how long the next wait may last. Raises TimeoutError or Stopped."""
        now = monotonic()
        if self._stop_at is None and self._stopped.is_set():
            self._stop_at = now + self._grace
        if self._stop_at is not None and now >= self._stop_at:
            raise Stopped("stopped")
        left = self._at - now
        if left <= 0:
            raise TimeoutError(f"not finished within {self._seconds:g} s")
        return min(left, _SLICE)


class PeerSocket:
    """A connection whose every wait obeys a deadline; the constructor connects it.

    Raises OSError, of which TimeoutError and Stopped are kinds.
    """

    def __init__(self, host: str, port: int, deadline: Deadline) -> None:
        self.deadline = deadline
        self.socket = _connected(host, port, deadline)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Encrypt the connection from now on."""
        encrypted = context.wrap_socket(
            self.socket, server_hostname=host, do_handshake_on_connect=False
        )
        self.socket = encrypted
        self._patiently(encrypted.do_handshake)

    def recv(self, size: int) -> bytes:
        """Return at most `size` bytes, none at the end."""
        return self._patiently(lambda: self.socket.recv(size))

    def sendall(self, data: bytes) -> None:
        """Send all of it."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._patiently(partial(self.socket.send, rest)) :]

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    def _patiently(self, call: Callable[[], _T]) -> _T:
        while True:
            self.socket.settimeout(self.deadline.slice())
            try:
                return call()
            except (TimeoutError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                continue


def _connected(host: str, port: int, deadline: Deadline) -> socket.socket:
    error: OSError = ConnectionError(f"{host} has no address")
    for family, address in _addresses(host, port, deadline):
        connection = socket.socket(family)
        try:
            _connect(connection, address, deadline)
        except OSError as failed:
            connection.close()
            if isinstance(failed, (Stopped, TimeoutError)):
                raise
            error = failed
        else:
            return connection
    raise error


def _connect(connection: socket.socket, address: Any, deadline: Deadline) -> None:
    connection.setblocking(False)
    code = connection.connect_ex(address)
    if code == errno.EINPROGRESS:
        waiting = poll()
        waiting.register(connection, POLLOUT | POLLERR | POLLHUP)
        while not waiting.poll(deadline.slice() * 1e3):
            pass
        code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))


def _addresses(host: str, port: int, deadline: Deadline) -> list[tuple[int, Any]]:
    """Return the addresses of a host.

    Nothing can interrupt the system's look-up of a name, so that it gets a thread that the end of
    the process does not wait for.
    """
    answers: list[list[tuple[int, Any]]] = []
    errors: list[OSError] = []
    done = Event()

    def look_up() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.append([(family, address) for family, _, _, _, address in found])
        except (OSError, UnicodeError) as error:  # a label of a name that is too long
            errors.append(error if isinstance(error, OSError) else socket.gaierror(str(error)))
        finally:
            done.set()

    Thread(target=look_up, name=f"look up {host}", daemon=True).start()
    while not done.wait(deadline.slice()):
        pass
    if errors:
        raise errors[0]
    return answers[0]
