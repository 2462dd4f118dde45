"""The table of sources: which one reads a URL, and what each says of itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from pkgutil import resolve_name

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import UsageError
from pipeline.redaction import shown_url
from pipeline.sources import SOURCES, Decoded, make_source, plain_url, source_for
from pipeline.sources.street.frame_counter import read_counter
from pipeline.stages.annotate import Annotate
from tests.support import footage


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("clip.mp4", "VideoFileSource"),
        ("rec:2.mp4", "VideoFileSource"),
        ("https://host/a.jpg", "VideoFileSource"),
        ("http://host/clip.mp4", "VideoFileSource"),
        ("shots/*.png", "Images"),
        ("a.TIF", "Images"),
        ("synthetic", "Synthetic"),
        ("synthetic:7", "Synthetic"),
        ("rtsps://cam/1", "Live"),
        ("http://cam/live.m3u8?token=1", "Live"),
        ("camera:0", "Live"),
        ("/dev/null", "Live"),
    ],
)
def test_the_url_selects_the_source(url: str, name: str) -> None:
    assert source_for(url).__name__ == name


def test_a_folder_is_read_as_images_even_with_the_name_of_a_video(tmp_path: Path) -> None:
    (tmp_path / "shots.mp4").mkdir()
    assert source_for(str(tmp_path)).__name__ == "Images"
    assert source_for(str(tmp_path / "shots.mp4")).__name__ == "Images"


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "clip[1].mp4").touch()
    assert source_for(str(tmp_path / "clip[1].mp4")).__name__ == "VideoFileSource"
    assert source_for(str(tmp_path / "clip[2].mp4")).__name__ == "Images"


def test_only_live_sources_are_live() -> None:
    live = {name for name in SOURCES if resolve_name(name).live}
    assert live == {"pipeline.sources.live.source:Live"}


def test_every_source_is_in_the_message_about_an_unknown_scheme() -> None:
    with pytest.raises(UsageError, match=r"gopher://host/a: no source reads 'gopher'") as refused:
        make_source("gopher://me:secret@host/a", "x", {})
    assert "secret" not in str(refused.value)
    for accepted in ("video file", "http(s)", "folder or glob", "synthetic[:SEED]", "rtsp(s)://"):
        assert accepted in str(refused.value)


@pytest.mark.parametrize("url", ["synthetic", "rtsp://cam/1", "{folder}", "{clip}"])
def test_an_unknown_option_is_refused_with_the_nearest_one(url: str, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").touch()
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((8, 8, 3), np.uint8))
    url = url.format(folder=tmp_path, clip=tmp_path / "clip.mp4")
    nearest = {"synthetic": "counter", "rtsp://cam/1": "reconnect", str(tmp_path): "frame_rate"}
    option = nearest.get(url, "threads")
    with pytest.raises(UsageError, match=rf"unknown option '{option}x'; did you mean '{option}'"):
        make_source(url, "x", {f"{option}x": 2})


def test_annotations_do_not_cover_the_frame_counter_of_the_street() -> None:
    source = make_source("synthetic", "x", {"width": 512, "height": 128, "frames": 1})
    source.open()
    (item,) = source
    assert isinstance(item, Decoded)
    (frame,) = footage.of_images([np.array(item.picture.bgr)])
    tracked = replace(frame, tracks=footage.tracks(*range(8)))  # their labels are at the top
    for corner, number in ((source.reserved_corner, 0), ((0, 0), None)):
        (annotated,) = Annotate(footage.CLASSES, clear=corner).process(tracked)
        assert annotated.drawn is not None
        assert read_counter(annotated.drawn.bgr()) == number


def test_without_a_counter_annotations_may_cover_the_whole_street() -> None:
    source = make_source("synthetic", "x", {"counter": False})
    assert source.reserved_corner == (0, 0)


@pytest.mark.parametrize("name", ["camera", "hls", "mjpeg", "pipe", "rtsp", "synthetic", "0"])
def test_a_folder_that_is_named_like_a_scheme_is_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()
    assert source_for(name).__name__ == "Images"


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ("RTSP://me:Secret@Cam/Path", "rtsp://me:Secret@Cam/Path"),
        ("file:///a%20b/c.mp4", "/a b/c.mp4"),
        ("FILE://localhost/c.mp4", "/c.mp4"),
        ("0", "camera:0"),
        ("-", "pipe:/dev/stdin"),
        ("clip.mp4", "clip.mp4"),
    ],
)
def test_what_users_of_other_tools_type_is_understood(given: str, plain: str) -> None:
    assert plain_url(given) == plain


def test_a_file_of_another_host_is_refused() -> None:
    with pytest.raises(UsageError, match="a file of another host: give file:///PATH"):
        make_source("file://nas/clip.mp4", "x", {})


SECRET = "Zq17secret"
PIECES = st.sampled_from(
    [
        *("rtsp://", "RTSP://", "http:/", "file://", "file:///", "camera:", "-", "0", "~", "*.jpg"),
        *("localhost", "host", ":554", "/", "//", "@", ":", "?", "#", "%40", "%00", " ", "..", "é"),
        f"admin:{SECRET}@cam",
    ]
)


def plain_or_refused(given: str) -> tuple[str, str]:
    """Return the plain URL, and what is shown of it; if it is refused, the message."""
    try:
        plain = plain_url(given)
        return plain, shown_url(plain)
    except UsageError as error:
        return given, str(error)
    except (OSError, ValueError):  # which `source_for` turns into a line
        return given, ""


@settings(deadline=None)
@given(given=st.lists(PIECES, max_size=7).map("".join) | st.text(max_size=40))
def test_any_url_becomes_a_plain_one_that_stays_as_it_is(given: str) -> None:
    plain, _ = plain_or_refused(given)
    assert plain_or_refused(plain)[0] == plain


@settings(deadline=None)
@given(scheme=PIECES, rest=st.lists(PIECES, max_size=4).map("".join))
def test_what_is_shown_of_a_plain_url_has_no_secret(scheme: str, rest: str) -> None:
    _, shown = plain_or_refused(f"{scheme}admin:{SECRET}@cam{rest}")
    if "//" in scheme and not scheme.startswith("file:///"):
        assert SECRET not in shown
