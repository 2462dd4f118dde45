"""Variables in URLs: whatever they hold, the URL stays what it was."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import patch
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.settings.variables import fill

HERE = Path("run.yaml")
# environment variables hold any character but NUL, and what UTF-8 can encode
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30)


@given(password=TEXT)
def test_a_password_with_any_characters_leaves_the_url_whole(password: str) -> None:
    with patch.dict(os.environ, {"PW": password}):
        parts = urlsplit(fill("rtsp://admin:${PW}@cam:554/live/1?channel=2", HERE))
    assert (parts.hostname, parts.port, parts.path, parts.query) == (
        *("cam", 554, "/live/1"),
        "channel=2",
    )
    assert (parts.username, unquote(parts.password or "", errors="strict")) == ("admin", password)


@given(user=TEXT, password=TEXT)
def test_user_and_password_of_two_variables_or_of_one_stay_apart(user: str, password: str) -> None:
    user = user.replace(":", "")
    with patch.dict(os.environ, {"U": user, "PW": password, "BOTH": f"{user}:{password}"}):
        apart = fill("mjpeg:http://${U}:${PW}@${HOST:-cam:80/video}", HERE)
        together = fill("mjpeg:http://${BOTH}@${HOST:-cam:80/video}", HERE)
    assert apart == together
    parts = urlsplit(apart.removeprefix("mjpeg:"))
    assert (unquote(parts.username or ""), unquote(parts.password or "")) == (user, password)
    assert (parts.hostname, parts.port, parts.path) == ("cam", 80, "/video")


@given(password=TEXT)
def test_a_value_of_the_query_with_any_characters_leaves_the_url_whole(password: str) -> None:
    with patch.dict(os.environ, {"PW": password}):
        url = urlsplit(fill("http://cam/video?user=a&pwd=${PW}&channel=1", HERE))
    query = parse_qs(url.query, strict_parsing=True, keep_blank_values=True)
    assert query == {"user": ["a"], "pwd": [password], "channel": ["1"]}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("${URL}", "rtsp://u:p@cam/1"),
        ("rtsp://u:${A:-p/w}@cam/1", "rtsp://u:p%2Fw@cam/1"),
        ("rtsp://${A:-cam/1}", "rtsp://cam/1"),
        ("rtsp://${A:-cam/1}/a@b", "rtsp://cam/1/a@b"),
        ("http://cam/x?${A:-a=1&b=2}", "http://cam/x?a=1&b=2"),
        ("clips/${A:-a@b}.mp4", "clips/a@b.mp4"),
        ("user@${A:-a/b}", "user@a/b"),
    ],
)
def test_a_variable_elsewhere_is_taken_as_it_is(text: str, filled: str) -> None:
    with patch.dict(os.environ, {"URL": "rtsp://u:p@cam/1"}):
        assert fill(text, HERE) == filled
