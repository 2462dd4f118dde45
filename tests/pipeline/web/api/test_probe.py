"""A camera that is tried out: what it sends in words, or why it does not answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.cameras import Server, numbered, require_gstreamer, write_units
from tests.support.environment import PASSWORD
from tests.support.runs import minimal_config, quick_clip
from tests.support.web import Visitor, visited

PROBE = "/api/v1/probe"


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    endless = quick_clip(10**9, name="steady", realtime=True)
    serve = {"address": "127.0.0.1:0", "schemes": ["rtsp"]}
    with visited(minimal_config(tmp_path_factory.mktemp("out"), endless, serve=serve)) as found:
        yield found


def test_a_camera_is_described(visitor: Visitor, tmp_path_factory: pytest.TempPathFactory) -> None:
    require_gstreamer()
    clip = write_units(tmp_path_factory.mktemp("clip") / "clip", numbered())
    with Server({"cam": {"clip": clip}}) as camera:
        found = visitor.ask("POST", PROBE, {"url": camera.url("cam")}).content
    assert (found["width"], found["height"], found["codec"]) == (512, 64, "H.264")
    assert found["fps"] == 25 and found["keyframe_seconds"] == 0.4
    assert found["text"].startswith("connected, 512x64 H.264, 25 fps, keyframe every 0.4 s")
    assert [stream.name for stream in visitor.run.streams] == ["steady"]


@pytest.mark.parametrize(
    ("url", "status", "detail"),
    [
        (f"rtsp://me:{PASSWORD}@127.0.0.1:9/1", 502, "refused"),
        ("file:///etc/passwd", 403, "sources through the API"),
        ("http://127.0.0.1:9/x.mjpg", 403, "sources through the API"),
    ],
)
def test_one_that_does_not_answer_says_why(
    visitor: Visitor, url: str, status: int, detail: str
) -> None:
    answer = visitor.ask("POST", PROBE, {"url": url})
    assert answer.status == status and detail in answer.content["detail"]
    assert PASSWORD not in answer.content["detail"]
