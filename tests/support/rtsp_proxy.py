"""A man in the middle of RTSP over TCP, who moves the camera's clock: servers refuse to."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Thread
from typing import BinaryIO

from tests.support.cameras import CAP

RTP_CHANNEL = 0
TIMESTAMP = slice(4, 8)  # of an RTP packet, 32 bits


class Proxy:
    """Passes one connection on to `port`; jump: seconds that are added to RTP timestamps."""

    def __init__(self, port: int) -> None:
        self.jump = 0.0
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = Thread(target=self._serve)
        self._thread.start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(CAP)
        assert not self._thread.is_alive(), "the client has not hung up"
        self._listener.close()

    def _serve(self) -> None:
        client, _ = self._listener.accept()
        server = socket.create_connection(("127.0.0.1", self._to))
        with client, server, server.makefile("rb") as answers:
            asking = Thread(target=self._pass_questions, args=(client, server))
            asking.start()
            with suppress(OSError):  # one of them has gone
                self._pass_answers(answers, client)
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            asking.join(CAP)

    def _pass_questions(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):  # one of them has gone
            while question := client.recv(4096):
                server.sendall(question)
            server.shutdown(socket.SHUT_WR)

    def _pass_answers(self, answers: BinaryIO, client: socket.socket) -> None:
        while first := answers.read(1):
            if first == b"$":
                head = answers.read(3)
                body = bytearray(answers.read(int.from_bytes(head[1:], "big")))
                if head[0] == RTP_CHANNEL:
                    self._move(body)
                client.sendall(first + head + body)
            else:
                client.sendall(first)

    def _move(self, packet: bytearray) -> None:
        ticks = int.from_bytes(packet[TIMESTAMP], "big") + round(self.jump * 90_000)
        packet[TIMESTAMP] = (ticks % 2**32).to_bytes(4, "big")
