"""Tokens, sessions, and the throttle of failed logins."""

from __future__ import annotations

import pytest

from detector.errors import UsageError
from pipeline.access.accounts import FREE_ATTEMPTS, SESSION_SECONDS, Access
from pipeline.access.config import Role, ServeConfig
from pipeline.access.passwords import hash_password

TOKEN = "0123456789abcdef"
HASH = hash_password("right")


class Time:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def access(clock: Time | None = None) -> Access:
    config = {
        "users": {"anna": {"password": HASH, "role": "admin"}},
        "tokens": {"grafana": {"token": TOKEN}},
    }
    return Access(ServeConfig.model_validate(config), clock or Time())


def test_an_address_that_others_reach_needs_users_or_tokens() -> None:
    with pytest.raises(UsageError, match="configure users or tokens"):
        Access(ServeConfig(address="0.0.0.0:80"))


def test_a_token_has_its_name_and_role() -> None:
    found = access().by_token(TOKEN)
    assert found and (found.name, found.role) == ("grafana", Role.VIEW)
    assert access().by_token(TOKEN[:-1]) is None


def test_a_session_lasts_while_it_is_used_and_ends_with_the_logout() -> None:
    clock = Time()
    door = access(clock)
    session = door.log_in("anna", "right", "10.0.0.1")
    assert isinstance(session, str)
    for _ in range(3):
        clock.now += SESSION_SECONDS - 1
        found = door.by_session(session)
        assert found and (found.name, found.role) == ("anna", Role.ADMIN)
    clock.now += SESSION_SECONDS
    assert door.by_session(session) is None
    again = door.log_in("anna", "right", "10.0.0.1")
    assert isinstance(again, str)
    door.log_out(again)
    assert door.by_session(again) is None


@pytest.mark.parametrize(("name", "password"), [("anna", "wrong"), ("nobody", "right")])
def test_a_wrong_name_or_password_gives_no_session(name: str, password: str) -> None:
    assert access().log_in(name, password, "10.0.0.1") is None


def test_failures_make_further_attempts_wait_twice_as_long_each_time() -> None:
    clock = Time()
    door = access(clock)
    for _ in range(FREE_ATTEMPTS):
        assert door.log_in("anna", "wrong", "10.0.0.1") is None
    assert door.log_in("anna", "right", "10.0.0.1") == 1.0  # refused unread: it is too early
    clock.now = 1.0
    assert door.log_in("anna", "wrong", "10.0.0.1") is None
    assert door.log_in("bert", "any", "10.0.0.1") == 2.0  # from the same address
    assert door.log_in("anna", "right", "10.0.0.2") == 2.0  # for the same user
    clock.now = 3.0
    assert isinstance(door.log_in("anna", "right", "10.0.0.1"), str)
    assert door.log_in("anna", "wrong", "10.0.0.1") is None  # which counts from 0 again
