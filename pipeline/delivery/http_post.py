"""One POST to a server that is not trusted: one deadline for all of it, and it can be stopped."""

from __future__ import annotations

import io
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPMessage
from typing import Any

from pipeline.connections.peer_socket import Deadline, PeerSocket

PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a request goes.

    target: path and query, percent-encoded
    tls: None for plain HTTP
    """

    host: str
    port: int
    target: str
    tls: ssl.SSLContext | None


class HalfAnswer(HTTPException):
    """The connection ended before the head of the answer did."""


def connected(address: Address, deadline: Deadline) -> PeerSocket:
    """Return a connection; raises OSError."""
    peer = PeerSocket(address.host, address.port, deadline)
    try:
        if address.tls:
            peer.start_tls(address.tls, address.host)
    except BaseException:
        peer.close()
        raise
    return peer


def post(
    peer: PeerSocket, address: Address, body: bytes, headers: Mapping[str, str]
) -> tuple[int, HTTPMessage]:
    """Return the status and the headers of the answer to a request, the last on its connection.

    The body of the answer is not read, and redirects are not followed.
    Raises OSError or HTTPException.
    """
    request = HTTPConnection(address.host, address.port)
    request.default_port = PORTS["https" if address.tls else "http"]  # is not named in Host
    request.auto_open = 0  # never connects on its own
    received = _Received(peer)
    request.sock = _Socket(peer, received)
    request.request("POST", address.target, body, {**headers, "Connection": "close"})
    response = request.getresponse()
    if received.ended:  # http.client takes that for the end of the head
        raise HalfAnswer("half an answer")
    return response.status, response.headers


class _Received(io.RawIOBase):
    """What a peer sends, as a file. ended: the peer has closed its side."""

    def __init__(self, peer: PeerSocket) -> None:
        self._peer = peer
        self.ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        received = self._peer.recv(len(buffer))
        self.ended = not received
        buffer[: len(received)] = received
        return len(received)


class _Socket:
    """What `http.client` needs of a socket."""

    def __init__(self, peer: PeerSocket, received: _Received) -> None:
        self.sendall = peer.sendall
        self.close = peer.close
        self._received = received

    def makefile(self, *_: Any) -> io.BufferedReader:
        return io.BufferedReader(self._received)
