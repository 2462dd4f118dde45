"""HTTP servers for tests that answer each request with the bytes that a test gives."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread

from tests.support.cameras import CAP


@contextmanager
def web_camera(answer: Callable[[str], Iterable[bytes]], *, whole: bool = False) -> Iterator[str]:
    """Answer each request with the pieces for its path, headers included; yield the URL.

    A client that leaves ends its answer, which may be endless.
    whole: `answer` gets all of the request instead of its path
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads: list[Thread] = []

        def serve(client: socket.socket) -> None:
            with client, suppress(OSError):
                client.settimeout(CAP)
                request = b""
                while b"\r\n\r\n" not in request:
                    part = client.recv(4096)
                    if not part:
                        return
                    request += part
                text = request.decode("latin-1")
                for piece in answer(text if whole else text.split()[1]):
                    client.sendall(piece)

        def accept() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return  # it was shut down
                threads.append(Thread(target=serve, args=(client,)))
                threads[-1].start()

        thread = Thread(target=accept)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(CAP)
            for each in threads:
                each.join(CAP)


@contextmanager
def listening(challenge: str | None) -> Iterator[tuple[str, list[str]]]:
    """Answer "in", if asked for then only with a password; yield the URL and the requests."""
    heard: list[str] = []

    def answer(request: str) -> Iterator[bytes]:
        heard.append(request)
        if challenge and "Authorization" not in request:
            head = f"HTTP/1.1 401 No\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 0\r\n\r\n"
            yield head.encode()
        else:
            yield found(b"in")

    with web_camera(answer, whole=True) as url:
        yield url, heard


def found(body: bytes = b"", kind: str = "application/octet-stream", more: str = "") -> bytes:
    """Return an answer without a length, whose body ends with the connection."""
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{more}\r\n".encode() + body
