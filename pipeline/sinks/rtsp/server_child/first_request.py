"""What a viewer asks first, before a server of GStreamer's has its connection.

`until` is when a viewer's time is over, in monotonic seconds. Functions raise OSError then, and if
the connection breaks.
"""

from __future__ import annotations

import re
import socket
import time

MAX_BYTES = 4096  # of requests before the path is known
PAUSE_SECONDS = 0.1  # until the rest of a request may have arrived
REQUEST = re.compile(rb"([A-Z_]+) +(\S+) +(RTSP|HTTP)/\d\.\d\r?\n")
SEQUENCE_NUMBER = re.compile(rb"\ncseq: *(\d{1,9})\s*\n", re.IGNORECASE)
METHODS = b"Public: OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN\r\n"


def requested_url(viewer: socket.socket, until: float) -> bytes | None:
    """Return the URL of the next request, which stays unread; None if no request comes."""
    request = REQUEST.match(peek(viewer, b"\n", until))
    return request[2] if request else None


def answer_options(viewer: socket.socket, until: float) -> bool:
    """Take a request and answer it; return whether another may follow."""
    end = b"\r\n\r\n"
    request, found, _ = peek(viewer, end, until).partition(end)
    if not found:
        return False
    viewer.recv(len(request + end))
    viewer.sendall(answer(b"200 OK", request + end) + METHODS + b"\r\n")
    return True


def refuse(viewer: socket.socket) -> None:
    """Answer a request that nothing is served there."""
    request = viewer.recv(MAX_BYTES, socket.MSG_PEEK)
    viewer.sendall(answer(b"404 Not Found", request) + b"\r\n")


def answer(status: bytes, request: bytes) -> bytes:
    """Return the first lines of an answer, which repeats the number of its request."""
    number = SEQUENCE_NUMBER.search(request)
    return b"RTSP/1.0 " + status + b"\r\nCSeq: " + (number[1] if number else b"0") + b"\r\n"


def peek(viewer: socket.socket, end: bytes, until: float) -> bytes:
    """Return what has arrived, without taking it, once it holds an end or can get none any more."""
    seen = 0
    while (left := until - time.monotonic()) > 0:
        viewer.settimeout(left)
        data = viewer.recv(MAX_BYTES, socket.MSG_PEEK)
        if end in data or len(data) in (0, MAX_BYTES):
            return data
        if len(data) == seen:  # peeking does not wait for more
            time.sleep(PAUSE_SECONDS)
        seen = len(data)
    raise TimeoutError
