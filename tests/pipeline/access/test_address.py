"""Addresses to listen on, and Host headers that are accepted."""

from __future__ import annotations

import pytest

from detector.errors import UsageError
from pipeline.access.address import HostNames, listen, parse_address


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        ("[::1]:80", "::1", 80),
        ("localhost:0", "localhost", 0),
    ],
)
def test_an_address_has_a_host_and_a_port(address: str, host: str, port: int) -> None:
    assert parse_address(address) == (host, port)


@pytest.mark.parametrize("address", ["8080", ":8080", "a:b", "a:99999", "a:-1", "a:\u0665", ""])
def test_a_malformed_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="give HOST:PORT"):
        parse_address(address)


def test_an_address_in_use_is_refused() -> None:
    with listen("127.0.0.1:0") as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match="Address already in use: give another"):
            listen(f"127.0.0.1:{port}")


def test_an_address_of_no_machine_is_refused() -> None:
    with pytest.raises(UsageError, match=r"serve: nowhere\.invalid:80"):
        listen("nowhere.invalid:80")


@pytest.mark.parametrize(
    ("bound", "header", "accepted"),
    [
        ("127.0.0.1", "127.0.0.1:8080", True),
        ("127.0.0.1", "localhost:8080", True),
        ("127.0.0.1", "[::1]:8080", True),
        ("127.0.0.1", "evil.example:8080", False),
        ("127.0.0.1", "192.168.1.5:8080", False),
        ("0.0.0.0", "192.168.1.5:8080", True),
        ("0.0.0.0", "evil.example", False),
        ("0.0.0.0", "CAMS.example:443", True),
        ("0.0.0.0", "", False),
    ],
)
def test_a_host_header_is_an_address_or_a_configured_name(
    bound: str, header: str, accepted: bool
) -> None:
    assert HostNames(bound, ["cams.example"]).accept(header) is accepted
