"""The printed configuration holds everything but credentials."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.access.passwords import hash_password
from pipeline.config import RunConfig
from pipeline.shown_config import shown_config

SECRET = "Xq7vTr3"


def shown_source(**source: Any) -> dict[str, Any]:
    config = RunConfig.model_validate({"sources": [source]})
    return dict(shown_config(config)["sources"][0])


def test_harmless_options_are_shown_as_they_are() -> None:
    options = {
        "url": "rtsp://cam/1",
        "name": "door",
        "transport": "udp",
        "timeout_seconds": 3,
        "reconnect": False,
        "ffmpeg": {"video_size": "1280x720", "framerate": 25},
    }
    shown = shown_source(**options)
    assert {key: shown[key] for key in options} == options
    assert not {"user", "password"} & set(shown)


@pytest.mark.parametrize(
    "source",
    [
        {"url": f"rtsp://admin:{SECRET}@cam/1"},
        {"url": f"rtsp://cam/user=admin_password={SECRET}_channel=1"},
        {"url": "rtsp://cam/1", "user": SECRET, "password": SECRET},
        {"url": "rtsp://cam/1", "ffmpeg": {"headers": f"Authorization: Basic {SECRET}"}},
        {"url": "rtsp://cam/1", "ffmpeg": {"http_proxy": f"http://u:{SECRET}@proxy:1"}},
        {"url": "rtsp://cam/1", "ffmpeg": {"cookies": SECRET, "video_size": f"a={SECRET}"}},
        {"url": "rtsp://cam/1", "ffmpeg": f"headers={SECRET}"},
        {"url": "rtsp://cam/1", "ffmpeg": [SECRET]},
        {"url": "rtsp://cam/1", "passwd": SECRET},
        {"url": "rtsp://cam/1", "auth": {"password": SECRET}},
        {"url": "rtsp://cam/1", "transport": f"rtsp://u:{SECRET}@cam"},
    ],
)
def test_credentials_are_not_shown(source: dict[str, Any]) -> None:
    assert SECRET not in repr(shown_source(**source))
    config = RunConfig.model_validate({"sources": ["a.mp4"], "outputs": [source]})
    assert SECRET not in repr(shown_config(config))


@pytest.mark.parametrize(
    "delivery",
    [
        {"url": f"mqtt://me:{SECRET}@broker", "topic": "site"},
        {"url": "mqtt://broker", "user": SECRET, "password": SECRET},
        {"url": f"https://hooks.example/{SECRET}?token={SECRET}", "secret": SECRET},
        {"url": "https://hooks.example/x", "secrets": SECRET, "topic": f"a b {SECRET}"},
    ],
)
def test_credentials_of_a_delivery_are_not_shown(delivery: dict[str, Any]) -> None:
    config = RunConfig.model_validate({"sources": ["a.mp4"], "deliver": [delivery]})
    assert SECRET not in repr(shown_config(config))
    assert SECRET not in repr(config)


def test_harmless_options_of_a_delivery_are_shown() -> None:
    delivery = {"url": "mqtt://broker:1884", "topic": "site", "home_assistant": True, "timeout": 3}
    config = RunConfig.model_validate({"sources": ["a.mp4"], "deliver": [delivery]})
    (shown,) = shown_config(config)["deliver"]
    assert {key: shown[key] for key in delivery} == delivery


def test_a_number_is_shown_only_under_the_name_of_an_option() -> None:
    shown = shown_source(url="rtsp://cam/1", pin=987654, timeout_seconds=4)
    assert (shown["pin"], shown["timeout_seconds"]) == ("***", 4)


def test_the_url_of_a_model_is_redacted() -> None:
    model = f"https://u:{SECRET}@host/m.onnx"
    assert shown_config(RunConfig.model_validate({"model": model}))["model"]["name"] == (
        "https://host/m.onnx"
    )


WORDS = st.sampled_from(["headers", "user", "url", "x", "http_proxy", "ffmpeg", "pass", "threads"])
VALUES = st.recursive(
    st.sampled_from([SECRET, f"u:{SECRET}@h", 5, None, True, "tcp", f"a={SECRET}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)


@given(options=st.dictionaries(WORDS.filter(lambda key: key not in ("url", "user")), VALUES))
def test_no_option_shows_a_secret(options: dict[str, Any]) -> None:
    assert SECRET not in repr(shown_source(url="rtsp://cam/1", **options))


def test_accounts_of_the_server_are_shown_without_their_secrets() -> None:
    hashed = hash_password(SECRET)
    serve = {
        "users": {"anna": {"password": hashed, "role": "admin"}},
        "tokens": {"robot": {"token": SECRET * 3}},
    }
    shown = shown_config(RunConfig.model_validate({"serve": serve}))["serve"]
    assert shown["users"] == {"anna": {"password": "***", "role": "admin"}}
    assert shown["tokens"] == {"robot": {"token": "***", "role": "view"}}
    assert SECRET not in str(shown) and hashed not in str(shown)


def test_filters_of_one_stream_are_shown_without_the_defaults() -> None:
    events = {"streams": {"door": {"min_score": 0.7}}}
    shown = shown_config(RunConfig.model_validate({"events": events}))
    assert shown["events"]["streams"] == {"door": {"min_score": 0.7}}
