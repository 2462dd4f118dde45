"""User and password beside a URL, and URLs whose password was not percent-encoded."""

from __future__ import annotations

import re
from pathlib import Path
from socket import socket
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from detector.settings.variables import fill
from pipeline.config import OutputConfig, SourceConfig
from pipeline.credentials import checked_host
from tests.support.cameras import require_gstreamer, until
from tests.support.runs import emitted, minimal_config, quick_clip, running_well

TEXT = st.text(st.characters(codec="utf-8"), max_size=30)


@given(user=TEXT, password=TEXT)
def test_user_and_password_of_any_characters_leave_the_url_whole(user: str, password: str) -> None:
    for kind in (SourceConfig, OutputConfig):
        place = kind(url="rtsp://[::1]:8554/a/b?serve=1", user=user, password=password)
        assert place.url == "rtsp://[::1]:8554/a/b?serve=1"
        parts = urlsplit(place.address)
        assert (unquote(parts.username or ""), unquote(parts.password or "")) == (user, password)
        assert (parts.hostname, parts.port, parts.path, parts.query) == (
            *("::1", 8554),
            *("/a/b", "serve=1"),
        )


def test_they_also_belong_to_a_url_behind_a_kind_of_source() -> None:
    assert SourceConfig(url="mjpeg:http://cam/1", user="a").address == "mjpeg:http://a@cam/1"
    assert SourceConfig(url="clip.mp4").address == "clip.mp4"


@pytest.mark.parametrize(
    ("given_keys", "why"),
    [
        ({"url": "rtsp://cam/1", "password": "x1y2z3"}, "a password without a user"),
        ({"url": "rtsp://b@cam/1", "user": "a", "password": "x1y2z3"}, "given twice"),
        ({"url": "clip.mp4", "user": "a", "password": "x1y2z3"}, "belong to a URL"),
        ({"url": "file:///clip.mp4", "user": "a", "password": "x1y2z3"}, "belong to a URL"),
        ({"url": "rtsp://cam/1", "user": "a", "password": 5}, "valid string"),
    ],
)
def test_user_and_password_without_a_place_are_refused(
    given_keys: dict[str, Any], why: str
) -> None:
    with pytest.raises(ValidationError, match=why):
        SourceConfig.model_validate(given_keys)


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://u:a/b#c@127.0.0.1:9/x",
        "rtsp://u:a#b@cam/1",
        "rtsp://u:a?b@cam/1",
        "mjpeg:http://u:a/b@cam/1",
        "rtsp://u:a/b@cam:99/1",
    ],
)
def test_a_password_that_must_be_percent_encoded_is_named_as_the_reason(url: str) -> None:
    for kind in (SourceConfig, OutputConfig):
        with pytest.raises(ValidationError, match="must be percent-encoded"):
            kind(url=url)


@pytest.mark.parametrize("url", ["rtsp://cam:port/1", "rtsp://cam:99999/1", "rtsp://[::1/1"])
def test_a_host_or_port_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="SCHEME://HOST:PORT is expected"):
        SourceConfig(url=url)


@pytest.mark.parametrize(
    "url",
    [
        *("clip.mp4", "a/b@c#d.mp4", "synthetic:7", "camera:0", "file:///a:b@c/d", "*.png", ""),
        *("rtsp://u:p%2Fw@cam:554/1", "rtsp://u:p@ss@cam/1", "rtsp://cam:8554/live@1"),
        *("http://[fe80::1%25eth0]:80/", "rtsp://{stream}.local/1", "hls:https://h_1/a@b?c=d#e"),
    ],
)
def test_other_urls_and_paths_pass(url: str) -> None:
    assert checked_host(url) == url


@given(url=st.text(max_size=60) | st.text("rtsp:/@#?[]u1%.", max_size=30))
def test_any_url_is_taken_or_refused(url: str) -> None:
    try:
        place = SourceConfig(url=url)
    except ValidationError:
        return
    if re.match(r"[a-z]+://", place.url):
        port = urlsplit(place.address).port  # raises if the URL has none that can be read
        assert port is None or 0 <= port <= 65535


def test_a_stream_with_a_password_of_any_characters_is_served_and_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_gstreamer()
    password = "p@:/#?&% ü'"
    monkeypatch.setenv("PW", password)
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}/x"
    served = {"url": f"rtsp://{address}?serve=1", "user": "admin", "password": password}
    clip = quick_clip(10**9, name="served", realtime=True)
    by_key = {"url": f"rtsp://{address}", "name": "key", "user": "admin", "password": password}
    by_variable = {"url": fill(f"rtsp://admin:${{PW}}@{address}", Path()), "name": "variable"}
    with (
        running_well(minimal_config(tmp_path, clip, outputs=[served])),
        running_well(minimal_config(tmp_path, by_key, by_variable)) as reader,
    ):
        until(lambda: emitted(reader, "key") > 2 and emitted(reader, "variable") > 2)
