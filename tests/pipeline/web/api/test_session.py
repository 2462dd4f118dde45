"""Logging in and out at the page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipeline.access.accounts import FREE_ATTEMPTS
from pipeline.access.passwords import hash_password
from tests.support.environment import PASSWORD
from tests.support.runs import minimal_config, quick_clip
from tests.support.web import Answer, Visitor, visited

SESSION = "/api/v1/session"


@pytest.fixture
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    users = {"anna": {"password": hash_password(PASSWORD), "role": "view"}}
    endless = quick_clip(10**9, name="steady", realtime=True)
    section = {"address": "127.0.0.1:0", "users": users}
    with visited(minimal_config(tmp_path_factory.mktemp("out"), endless, serve=section)) as found:
        yield found


def log_in(visitor: Visitor, password: str) -> Answer:
    return visitor.ask("POST", SESSION, {"name": "anna", "password": password})


def test_a_session_lives_in_a_cookie_that_no_script_and_no_other_page_gets(
    visitor: Visitor,
) -> None:
    answer = log_in(visitor, PASSWORD)
    assert answer.status == 201
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and "Path=/" in cookie
    visitor.identity = {"Cookie": cookie.partition(";")[0]}
    assert visitor.ask("GET", "/api/v1/cameras").status == 200
    found = visitor.ask("GET", SESSION).content
    assert found == {"login": True, "name": "anna", "role": "view"}
    assert visitor.ask("DELETE", SESSION).status == 204
    assert visitor.ask("GET", "/api/v1/cameras").status == 401


def test_a_session_cannot_be_guessed(visitor: Visitor) -> None:
    cookie = log_in(visitor, PASSWORD).headers["set-cookie"].partition(";")[0]
    visitor.identity = {"Cookie": cookie[:-1]}
    assert visitor.ask("GET", "/api/v1/cameras").status == 401
    assert len(cookie.partition("=")[2]) >= 43  # 256 bits in base64


def test_guessing_passwords_has_to_wait(visitor: Visitor, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(FREE_ATTEMPTS):
        answer = log_in(visitor, PASSWORD + "x")
        assert answer.status == 401 and "set-cookie" not in answer.headers
    answer = log_in(visitor, PASSWORD)
    assert answer.status == 429 and int(answer.headers["retry-after"]) >= 1
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize("body", [{}, {"name": "anna"}, {"name": 1, "password": PASSWORD}, [], "{"])
def test_a_malformed_login_is_refused_without_the_password(visitor: Visitor, body: object) -> None:
    answer = visitor.ask("POST", SESSION, body)
    assert answer.status == 400
    assert PASSWORD not in str(answer.content)


def test_a_login_that_a_form_of_another_page_could_send_is_refused(visitor: Visitor) -> None:
    body = f'{{"name": "anna", "password": "{PASSWORD}"}}'
    answer = visitor.ask("POST", SESSION, body, {"Content-Type": "text/plain"})
    assert answer.status == 415
