"""A proxy for RTSP over TCP that shifts the camera's clock, which no server can do."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Thread
from typing import BinaryIO

from tests.support.cameras import CAP

RTP_CHANNEL = 0
TIMESTAMP = slice(4, 8)  # of an RTP packet, 32 bits


class Proxy:
    """Forwards one connection to `port`; jump: seconds added to RTP timestamps."""

    def __init__(self, port: int) -> None:
        self.jump = 0.0
        self._server_port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = Thread(target=self._serve)
        self._thread.start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(CAP)
        assert not self._thread.is_alive(), "the client has not closed the connection"
        self._listener.close()

    def _serve(self) -> None:
        client, _ = self._listener.accept()
        server = socket.create_connection(("127.0.0.1", self._server_port))
        with client, server, server.makefile("rb") as responses:
            requests = Thread(target=self._forward_requests, args=(client, server))
            requests.start()
            with suppress(OSError):  # one of them has closed the connection
                self._forward_responses(responses, client)
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            requests.join(CAP)

    def _forward_requests(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):  # one of them has closed the connection
            while request := client.recv(4096):
                server.sendall(request)
            server.shutdown(socket.SHUT_WR)

    def _forward_responses(self, responses: BinaryIO, client: socket.socket) -> None:
        while first := responses.read(1):
            if first == b"$":
                header = responses.read(3)
                body = bytearray(responses.read(int.from_bytes(header[1:], "big")))
                if header[0] == RTP_CHANNEL:
                    self._shift(body)
                client.sendall(first + header + body)
            else:
                client.sendall(first)

    def _shift(self, packet: bytearray) -> None:
        ticks = int.from_bytes(packet[TIMESTAMP], "big") + round(self.jump * 90_000)
        packet[TIMESTAMP] = (ticks % 2**32).to_bytes(4, "big")
