"""The names of streams: the user's or from the URL, without secrets, unique in a run."""

from __future__ import annotations

import pytest

from pipeline.config import SourceConfig
from pipeline.stream_names import free_name


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("clips/door.mp4", "door"),
        ("clips/door.v2.mp4", "door.v2"),
        ("synthetic", "synthetic"),
        ("synthetic:7", "synthetic-7"),
        ("rtsp://viewer:secret@192.168.1.20:554/stream1?token=secret", "stream1"),
        ("images/door/*.png", "door"),
        ("*.png", "stream"),
        ("mjpeg:http://cam/a b/video.mjpg", "video"),
        ("rtsp://cam/Eingang Süd", "Eingang-Süd"),
        ("rtsp://127.0.0.1:9/user=a_password=secret_channel=1.sdp?real_stream", "127.0.0.1-9"),
        ("rtsp://cam/live;user=admin;password=secret", "live"),
        ("rtsp://cam/live#token=secret", "live"),
        ("rtsp://cam", "cam"),
        ("rtsp://user@cam/live@1", "1"),
        ("clips/a#b.mp4", "a-b"),
    ],
)
def test_a_stream_is_named_after_the_last_part_of_its_url(url: str, name: str) -> None:
    assert free_name(SourceConfig(url=url), ()) == name


def test_the_users_name_comes_first() -> None:
    assert free_name(SourceConfig(url="clips/door.mp4", name="yard"), ()) == "yard"


def test_a_name_in_use_gets_the_first_free_number() -> None:
    source = SourceConfig(url="door.mp4")
    assert free_name(source, {"door"}) == "door-2"
    assert free_name(source, {"door", "door-2", "door-4"}) == "door-3"
