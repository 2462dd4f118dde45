"""Answers of RTSP servers, well-formed or not: an answer, or a cause; never anything else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.connections.status import Cause, Disconnected
from pipeline.sinks.rtsp.answer import MAX_BODY, MAX_REASON, Answer, read_answer


class Sent:
    """A connection on which these bytes arrive; it counts what is read."""

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def recv(self, size: int) -> bytes:
        part, self.rest = self.rest[:size], self.rest[size:]
        return part


OK = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n"


def test_an_answer_is_read_with_its_body_and_nothing_behind_it() -> None:
    peer = Sent(OK + b"Content-Length: 3\r\n\r\nabcRTSP")
    assert read_answer(peer) == Answer(200, "OK", {"cseq": "1", "content-length": "3"})
    assert peer.rest == b"RTSP"


def test_an_interim_answer_is_followed_by_the_real_one() -> None:
    peer = Sent(b"RTSP/1.0 100 Continue\r\n\r\n" + OK + b"\r\n")
    assert read_answer(peer).status == 200


@pytest.mark.parametrize(
    "sent",
    [
        OK + b"Content-Length: abc\r\n\r\n",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Content-Length: 99999999999999999999\r\n\r\n",
        OK + b"Content-Length: %d\r\n\r\n" % (MAX_BODY + 1),
        OK + "Content-Length: ٣\r\n\r\n".encode(),
        b"RTSP/1.0 abc OK\r\n\r\n",
        b"RTSP/1.0 \r\n\r\n",
        b"RTSP/1.0\r\n\r\n",
        b"RTSP/1.0 99999 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nX: " + b"a" * 100_000,
        b"RTSP/1.0 100 Continue\r\n\r\n" * 1000,
    ],
)
def test_a_malformed_or_endless_answer_is_bad_data(sent: bytes) -> None:
    with pytest.raises(Disconnected) as caught:
        read_answer(Sent(sent))
    assert caught.value.trouble.cause is Cause.BAD_DATA


def test_words_of_a_server_cannot_forge_lines() -> None:
    answer = read_answer(
        Sent(
            b"RTSP/1.0 500 \x1b[31mred\n2026-11-28 E door: "
            + b"f" * 999
            + b"\r\nA: b\nC: d\r\n\r\n"
        )
    )
    assert answer.reason.isprintable()
    assert len(answer.reason) <= MAX_REASON
    assert answer.headers == {"a": "bC: d"}


PIECES = st.sampled_from(
    [
        b"RTSP/1.0 ",
        b"200",
        b" OK",
        b"\r\n",
        b"\r\n\r\n",
        b"\n",
        b":",
        b"Content-Length: ",
        b"9",
        b"-",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES | st.binary(max_size=8), max_size=20))
def test_any_bytes_are_an_answer_or_a_cause(pieces: list[bytes]) -> None:
    for start in (b"", b"RTSP/1.0 "):
        try:
            answer = read_answer(Sent(start + b"".join(pieces)))
        except (Disconnected, ConnectionResetError):
            continue
        assert 200 <= answer.status < 600
        assert (answer.reason + "".join(answer.headers.values())).isprintable()
