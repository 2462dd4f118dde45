"""What a viewer asks first: requests that come in pieces, without end, or not at all."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from threading import Thread
from time import monotonic

import pytest

from pipeline.sinks.rtsp.server_child.first_request import (
    MAX_BYTES,
    answer_options,
    refuse,
    requested_url,
)
from tests.support.cameras import CAP

DESCRIBE = b"DESCRIBE rtsp://x/cam RTSP/1.0\r\nCSeq: 8\r\n\r\n"
OPTIONS = b"OPTIONS * RTSP/1.0\r\ncseq:7\r\nUser-Agent: player\r\n\r\n"


class Ends:
    """The two ends of a connection, of which the server's is read."""

    def __init__(self) -> None:
        self.viewer, self.server = socket.socketpair()
        self.until = monotonic() + CAP


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    with made.viewer, made.server:
        yield made


def test_a_request_is_known_by_its_first_line_and_stays_unread(ends: Ends) -> None:
    ends.viewer.sendall(DESCRIBE[:40])
    assert requested_url(ends.server, ends.until) == b"rtsp://x/cam"
    ends.viewer.sendall(DESCRIBE[40:])
    assert ends.server.recv(MAX_BYTES) == DESCRIBE


def test_a_request_in_pieces_is_waited_for(ends: Ends) -> None:
    found: list[bytes | None] = []
    ends.viewer.sendall(DESCRIBE[:10])
    waiting = Thread(target=lambda: found.append(requested_url(ends.server, ends.until)))
    waiting.start()
    ends.viewer.sendall(DESCRIBE[10:])
    waiting.join(CAP)
    assert found == [b"rtsp://x/cam"]


@pytest.mark.parametrize(
    "sent",
    [b"", b"\n", b"HELO x\r\n", b"DESCRIBE " * MAX_BYTES],
    ids=["end", "empty", "mail", "long"],
)
def test_what_is_no_request_names_nothing(sent: bytes, ends: Ends) -> None:
    ends.viewer.sendall(sent)
    ends.viewer.shutdown(socket.SHUT_WR)
    assert requested_url(ends.server, ends.until) is None


def test_a_viewer_whose_time_is_over_is_not_waited_for(ends: Ends) -> None:
    with pytest.raises(TimeoutError):
        requested_url(ends.server, monotonic())
    ends.viewer.sendall(b"DESCRIBE")
    with pytest.raises(TimeoutError):
        requested_url(ends.server, monotonic() + 0.01)


def test_options_are_taken_and_answered_with_their_number(ends: Ends) -> None:
    ends.viewer.sendall(OPTIONS + DESCRIBE)
    assert answer_options(ends.server, ends.until)
    first, second, *_ = ends.viewer.recv(MAX_BYTES).split(b"\r\n")
    assert (first, second) == (b"RTSP/1.0 200 OK", b"CSeq: 7")
    assert ends.server.recv(MAX_BYTES) == DESCRIBE


def test_options_without_an_end_are_not_answered(ends: Ends) -> None:
    ends.viewer.sendall(OPTIONS[:-2] + b"X: a\r\n" * MAX_BYTES)
    assert not answer_options(ends.server, ends.until)


def test_a_path_that_is_not_served_is_refused_with_the_number_of_its_request(ends: Ends) -> None:
    ends.viewer.sendall(DESCRIBE)
    refuse(ends.server)
    assert ends.viewer.recv(MAX_BYTES) == b"RTSP/1.0 404 Not Found\r\nCSeq: 8\r\n\r\n"
