"""A web page that is given as a video is named, whatever reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.connections.status import Cause
from pipeline.sources import SourceError, make_source
from pipeline.sources.live.source import Live
from pipeline.sources.web_page import is_web_page
from tests.support.cameras import until
from tests.support.live_streams import live, reading, trouble
from tests.support.web_cameras import found, web_camera

PAGE = b"\r\n<!-- camera 7 -->\n<!DOCTYPE html>\n<html><body>log in</body></html>" + b"\n" * 4000
NAMED = "it is a web page (text/html), not a video: give the address of the video or stream itself"


@pytest.mark.parametrize(
    "head",
    [
        *(b"<html>", b"<!DOCTYPE HTML PUBLIC", b"\xef\xbb\xbf<!doctype html>", b" \n<HEAD>x"),
        *(b"<script src=a>", b"<!-- a --> <!-- b --><body>"),
    ],
)
def test_web_pages_are_told_by_their_beginning(head: bytes) -> None:
    assert is_web_page(head)


@pytest.mark.parametrize(
    "head",
    [b"", b"<", b"<MPD>", b"<?xml version='1.0'?><MPD>", b"#EXTM3U", b"\0\0\0\x18ftyp<html>"],
)
def test_other_files_are_no_web_pages(head: bytes) -> None:
    assert not is_web_page(head)


def test_a_page_given_as_a_video_is_named(tmp_path: Path) -> None:
    with web_camera(lambda _: [found(PAGE, "text/html")]) as url:
        address = f"{url.replace('//', '//user:secret@')}/watch.html"
        with pytest.raises(SourceError) as refused:
            make_source(address, "x", {"timeout_seconds": 20.0}).open()
    assert str(refused.value) == f"{url}/watch.html: cannot be opened: {NAMED}"
    (tmp_path / "saved.mp4").write_bytes(PAGE)
    with pytest.raises(SourceError, match="it is a web page"):
        make_source(str(tmp_path / "saved.mp4"), "x", {}).open()


def test_a_page_given_as_a_live_stream_is_named() -> None:
    with web_camera(lambda _: [found(PAGE, "text/html")]) as url:
        assert trouble(f"hls:{url}/watch.html") == (Cause.BAD_DATA, NAMED)
        source: Live = live(f"mjpeg:{url}/watch.html")
        with reading(source):
            until(lambda: source.status.trouble)
            assert source.status.trouble
            assert (source.status.trouble.cause, source.status.trouble.detail) == (
                Cause.BAD_DATA,
                NAMED,
            )
