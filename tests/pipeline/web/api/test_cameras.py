"""Cameras through the API: shown, added, restarted, removed; and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.cameras import until
from tests.support.environment import PASSWORD
from tests.support.runs import emitted, minimal_config, quick_clip
from tests.support.web import Visitor, visited

CAMERAS = "/api/v1/cameras"
DOOR = f"{CAMERAS}/door"


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    (folder / "inside.mp4").write_bytes(b"no video")
    (folder / "link.mp4").symlink_to("/etc/hostname")
    return folder


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory, videos: Path) -> Iterator[Visitor]:
    endless = quick_clip(10**9, name="steady", realtime=True)
    section = {"address": "127.0.0.1:0", "schemes": ["rtsp"], "folders": [str(videos)]}
    with visited(minimal_config(tmp_path_factory.mktemp("out"), endless, serve=section)) as found:
        yield found


def names(visitor: Visitor) -> list[str]:
    return [stream.name for stream in visitor.run.streams]


def test_cameras_are_shown_with_their_frames(visitor: Visitor) -> None:
    until(lambda: emitted(visitor.run, "steady"))
    (shown,) = visitor.ask("GET", CAMERAS).content["cameras"]
    assert shown["name"] == "steady" and shown["url"] == "synthetic" and shown["emitted"] > 0
    assert shown["size"] == {"width": 512, "height": 128}
    alone = visitor.ask("GET", f"{CAMERAS}/steady").content
    assert alone["decoded"] >= shown["decoded"]


def test_a_camera_is_added_restarted_and_removed(visitor: Visitor) -> None:
    answer = visitor.ask("PUT", DOOR, {"url": f"rtsp://viewer:{PASSWORD}@127.0.0.1:9/1"})
    assert answer.status == 201 and answer.headers["location"] == DOOR
    until(lambda: visitor.ask("GET", DOOR).content["connection"]["causes"] != {})
    shown = visitor.ask("GET", DOOR).content
    assert shown["connection"]["causes"].keys() == {"refused"}
    assert shown["url"] == "rtsp://127.0.0.1:9/1" and shown["size"] is None
    assert PASSWORD not in json.dumps(shown)
    assert visitor.ask("POST", f"{DOOR}/restart").status == 200
    assert names(visitor) == ["steady", "door"]
    answer = visitor.ask("DELETE", DOOR)
    assert (answer.status, answer.content["connection"]["state"]) == (200, "ENDED")
    assert visitor.ask("GET", DOOR).status == 404


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ({}, 400, "url: missing"),
        ({"url": f"gopher://me:{PASSWORD}@cam/1"}, 403, "gopher://cam/1: sources through the API"),
        ({"url": f"http://me:{PASSWORD}@cam/1"}, 403, "rtsp://"),
        ({"url": "/etc/passwd"}, 403, "serve: folders"),
        ({"url": "file:///etc/passwd"}, 403, "serve: folders"),
        ({"url": "synthetic"}, 403, "serve: folders"),
        ({"url": "camera:0"}, 403, "serve: folders"),
        ({"url": "pipe:/dev/stdin"}, 403, "serve: folders"),
        ({"url": "rtsp://cam/1", "ffmpeg": {"protocol_whitelist": "file"}}, 400, "ffmpeg"),
        ({"url": "rtsp://cam/1", "transprt": "udp"}, 400, "transprt"),
        ({"url": "rtsp://cam/1", "transport": "carrier pigeon"}, 400, "transport"),
    ],
)
def test_a_source_that_may_not_be_added_is_refused_with_what_may(
    visitor: Visitor, body: Any, status: int, detail: str
) -> None:
    answer = visitor.ask("PUT", f"{CAMERAS}/new", body)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert detail in answer.content["detail"] and PASSWORD not in answer.content["detail"]
    assert names(visitor) == ["steady"]


def test_files_are_added_from_the_configured_folders_only(visitor: Visitor, videos: Path) -> None:
    for url in (f"{videos}/link.mp4", f"{videos}/../videos", f"{videos}/none.mp4", str(videos)):
        assert visitor.ask("PUT", f"{CAMERAS}/new", {"url": url}).status == 403, url
    assert visitor.ask("PUT", f"{CAMERAS}/steady", {"url": f"{videos}/inside.mp4"}).status == 409


@pytest.mark.parametrize("name", ["..%2Fvictim", "%25H", "a%0Ab", "a~2", "x" * 65, "a.incomplete"])
def test_a_name_that_is_none_is_refused(visitor: Visitor, name: str) -> None:
    answer = visitor.ask("PUT", f"{CAMERAS}/{name}", {"url": "rtsp://127.0.0.1:9/1"})
    assert answer.status in (400, 404)
    assert names(visitor) == ["steady"]


WORDS = st.sampled_from(["url", "name", "stride", "max_frames", "realtime", "width", "transport"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(WORDS | st.text(max_size=8), VALUES, max_size=5) | VALUES)
def test_any_json_gets_an_answer_with_a_reason(visitor: Visitor, body: Any) -> None:
    if isinstance(body, dict):
        body["url"] = f"gopher://me:{PASSWORD}@cam/1"
    answer = visitor.ask("PUT", f"{CAMERAS}/new", json.dumps(body))
    assert answer.status in (400, 403)
    assert answer.content["detail"] and PASSWORD not in answer.content["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe",
        "[" * 60_000,
        '{"a":' * 10_000,
        '{"url": "rtsp://127.0.0.1:1/x", "stride": ' + "9" * 5000 + "}",
        '{"url": "a\\u0000.mp4"}',
        '{"url": "\\ud800"}',
        '{"url": "rtsp://127.0.0.1:1/x", "max_age": NaN}',
    ],
)
def test_requests_that_would_do_harm_are_refused(visitor: Visitor, body: str) -> None:
    answer = visitor.ask("PUT", f"{CAMERAS}/new", body)
    assert answer.status in (400, 403) and answer.content["detail"]
    assert names(visitor) == ["steady"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", CAMERAS, 405),
        ("PATCH", DOOR, 405),
        ("GET", f"{CAMERAS}/nobody", 404),
        ("DELETE", f"{CAMERAS}/nobody", 404),
        ("GET", "/api/v1/nothing", 404),
    ],
)
def test_unknown_paths_and_methods_are_refused(
    visitor: Visitor, method: str, path: str, status: int
) -> None:
    answer = visitor.ask(method, path)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_figures_and_configuration_are_shown(visitor: Visitor) -> None:
    stats = visitor.ask("GET", "/api/v1/stats").content
    assert stats["streams"]["steady"]["decoded"] > 0 and "track" in str(stats["stages"])
    shown = visitor.ask("GET", "/api/v1/config").content
    assert shown["serve"]["schemes"] == ["rtsp"]
