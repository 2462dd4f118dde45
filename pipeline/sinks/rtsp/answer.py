"""The answer of an RTSP server to one request, read with limits: the server is not trusted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from pipeline.connections.status import Cause, Disconnected, Trouble

MAX_HEAD = 1 << 14  # bytes of status line and headers
MAX_BODY = 1 << 16  # bytes; an answer to a publisher has none
MAX_REASON = 80  # characters
MAX_INTERIM = 4  # answers of kind 1xx, which only announce the real one
_STATUS_LINE = re.compile(r"RTSP/1\.\d ([1-5]\d\d)(?: (.*))?", re.DOTALL)
_UNPRINTABLE = re.compile(r"[^ -~]")  # also line ends that are not CRLF, which could forge headers


class ByteReader(Protocol):
    """The receiving side of a connection; raises OSError after a deadline."""

    def recv(self, size: int) -> bytes:
        """Return at most `size` bytes, none at the end."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a server: its status, and its headers in lower case, all of it printable."""

    status: int
    reason: str
    headers: dict[str, str]


def read_answer(peer: ByteReader) -> Answer:
    """Read one answer. Raises Disconnected if it is malformed or too long, or OSError."""
    for _ in range(MAX_INTERIM):
        answer = _answer(_head(peer))
        _skip(peer, answer.headers.get("content-length", "0"))
        if answer.status >= 200:
            return answer
    raise _bad("the server never gives its final answer")


def _bad(detail: str) -> Disconnected:
    return Disconnected(Trouble(Cause.BAD_DATA, detail))


def _head(peer: ByteReader) -> str:
    """Read up to the empty line, byte by byte, so that nothing behind it is read."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = peer.recv(1)
        if not byte:
            raise ConnectionResetError("the server has closed the connection")
        head += byte
        if not b"RTSP/1.".startswith(head[:7]):
            raise _bad("the server does not speak RTSP")
        if len(head) > MAX_HEAD:
            raise _bad(f"an answer of more than {MAX_HEAD} bytes of headers")
    return head.decode("latin-1")


def _answer(head: str) -> Answer:
    status_line, *lines = head.strip().split("\r\n")
    found = _STATUS_LINE.fullmatch(status_line)
    if not found:
        raise _bad("an answer without a status")
    pairs = (_UNPRINTABLE.sub("", line).partition(":")[::2] for line in lines)
    headers = {name.strip().lower(): value.strip() for name, value in pairs}
    reason = _UNPRINTABLE.sub("", found[2] or "")[:MAX_REASON].strip()
    return Answer(int(found[1]), reason, headers)


def _skip(peer: ByteReader, length: str) -> None:
    """Read the body, which nobody needs."""
    if not re.fullmatch(r"[0-9]{1,9}", length):
        raise _bad("an answer whose Content-Length is no number")
    left = int(length)
    if left > MAX_BODY:
        raise _bad(f"an answer with {left} bytes of body; at most {MAX_BODY} are read")
    while left:
        part = peer.recv(left)
        if not part:
            raise ConnectionResetError("the server has closed the connection")
        left -= len(part)
