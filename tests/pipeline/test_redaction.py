"""Credentials in URLs are removed wherever they are, and nothing else is."""

from __future__ import annotations

import pytest

from pipeline.redaction import without_password

SHOWN = {
    "rtsp://user:pass@cam/1?a=b@c": "rtsp://cam/1?a=b@c",
    "rtsp://user@cam:554/1": "rtsp://cam:554/1",
    "rtsp://admin:pa/ss@cam:554/1": "rtsp://cam:554/1",
    "rtsp://admin:p@ss@cam/1": "rtsp://cam/1",
    "rtsp://cam:8554/live@1": "rtsp://cam:8554/live@1",
    "http://host/a@b": "http://host/a@b",
    "http://cam/video?user=admin&password=pass&size=4": (
        "http://cam/video?user=***&password=***&size=4"
    ),
    "http://cam/video?channel=1&access_token=pass": "http://cam/video?channel=1&access_token=***",
    "mjpeg:http://user:pass@cam/1": "mjpeg:http://cam/1",
    "[Errno 111] refused: 'rtsp://a:pass@cam/1' and 'rtsp://b:pass@cam/2'": (
        "[Errno 111] refused: 'rtsp://cam/1' and 'rtsp://cam/2'"
    ),
    "a@b.mp4": "a@b.mp4",
}


@pytest.mark.parametrize("url", SHOWN)
def test_user_password_and_keys_are_removed_and_nothing_else(url: str) -> None:
    assert without_password(url) == SHOWN[url]
