"""A cluster that cannot be reached is named at once, in one line, with what to do."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from detector.errors import FramelaneError
from pipeline.cluster.connection import connected


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "a" * 64)


def complaint(address: str) -> str:
    with pytest.raises(FramelaneError) as refused, connected(address):
        pass
    return str(refused.value)


@pytest.mark.parametrize("address", ["head", "local", "ray://127.0.0.2:10001", ":6379", "head:"])
def test_what_is_no_address_is_refused(address: str) -> None:
    assert complaint(address).startswith(f"--cluster: '{address}' given; accepted: HOST:PORT")


def test_a_head_that_is_not_there_is_found_out_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    said = complaint(f"127.0.0.1:{port}")
    assert said.startswith(f"--cluster 127.0.0.1:{port}: Connection refused: start Ray on this")
    assert complaint("127.0.0.1:99999").count("\n") == 0


def test_a_user_without_a_token_reads_where_it_belongs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("RAY_AUTH_TOKEN")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    assert complaint("auto").startswith(f"--cluster: {tmp_path}/token is missing: copy the token")
