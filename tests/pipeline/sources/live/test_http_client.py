"""HTTP from servers that are not trusted: bytes, or a cause; passwords stay with their server."""

from __future__ import annotations

from contextlib import closing
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.connections.peer_socket import Deadline
from pipeline.connections.status import Cause, Disconnected
from pipeline.sources.live.http_client import Response
from tests.support.cameras import CAP
from tests.support.environment import PASSWORD
from tests.support.web_cameras import found, listening, web_camera


def content(url: str, **options: str) -> bytes:
    """Return the whole body at `url`."""
    with closing(Response(url, Deadline(CAP, Event()), CAP, options)) as response:
        return b"".join(iter(lambda: response.read(1000), b""))


def test_a_body_is_read_to_its_stated_length() -> None:
    with web_camera(lambda _: [found(b"abcdef", more="Content-Length: 3\r\n")]) as url:
        assert content(f"{url}/a") == b"abc"


def test_a_body_that_ends_early_is_a_loss() -> None:
    with (
        web_camera(lambda _: [found(b"3", more="Transfer-Encoding: chunked\r\n")]) as url,
        pytest.raises(Disconnected),
    ):
        content(f"{url}/a")


@pytest.mark.parametrize(
    ("challenge", "proof"),
    [
        ("Basic realm=x", "Basic "),
        ('Digest realm="x", nonce="1", qop="auth"', 'Digest username="viewer", realm="x"'),
    ],
)
def test_a_password_is_given_when_it_is_asked_for(challenge: str, proof: str) -> None:
    with listening(challenge) as (url, heard):
        assert content(url.replace("//", f"//viewer:{PASSWORD}@") + "/a") == b"in"
    assert "Authorization" not in heard[0]
    assert proof in heard[1]
    assert PASSWORD not in heard[1]


def test_a_password_is_not_given_to_the_server_of_a_redirect() -> None:
    with listening("Basic realm=x") as (other, heard):
        moved = f"HTTP/1.1 302 Found\r\nLocation: {other}/b\r\n\r\n".encode()
        with web_camera(lambda _: [moved]) as url, pytest.raises(Disconnected) as lost:
            content(url.replace("//", f"//viewer:{PASSWORD}@") + "/a")
    assert lost.value.trouble.cause is Cause.UNAUTHORISED
    assert len(heard) == 1
    assert "Authorization" not in heard[0]


def test_a_redirect_leads_to_no_file() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n"
    with web_camera(lambda _: [moved]) as url, pytest.raises(Disconnected):
        content(f"{url}/a")


def test_headers_of_the_options_are_sent() -> None:
    with listening(None) as (url, heard):
        content(f"{url}/a", headers="X-Key: 1\r\nX-Other: 2\r\n", user_agent="me", cookies="a=b; x")
    for line in ("X-Key: 1", "X-Other: 2", "User-Agent: me", "Cookie: a=b"):
        assert line in heard[0]


@pytest.mark.parametrize(
    "url", ["http://[", "http://", "http://h:99999999/", "ftp://h/", "http://h:x/"]
)
def test_an_address_that_is_none_has_a_cause(url: str) -> None:
    with pytest.raises(Disconnected) as lost:
        content(url)
    assert url not in str(lost.value)


PIECES = st.sampled_from(
    [
        b"HTTP/1.1 ",
        b"200 OK",
        b"\r\n",
        b"\r\n\r\n",
        b"Content-Length: ",
        b"Transfer-Encoding: chunked\r\n",
        b"302 Found\r\nLocation: ",
        b"401 No\r\nWWW-Authenticate: ",
        b"Digest ",
        b'realm="x", nonce=',
        b"-1",
        b"9" * 30,
        b"//",
        b":",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES | st.binary(max_size=6), max_size=15))
def test_any_answer_is_a_body_or_a_cause(pieces: list[bytes]) -> None:
    with web_camera(lambda _: [b"HTTP/1.1 ", *pieces]) as url:
        said = ""
        try:
            content(url.replace("//", f"//viewer:{PASSWORD}@") + "/a")
        except Disconnected as lost:
            said = str(lost)
        assert PASSWORD not in said
        assert not said or said.isprintable()
