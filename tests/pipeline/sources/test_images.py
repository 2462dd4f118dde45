"""Images from folders, globs and single files: order, times, and files that cannot be read."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.errors import UsageError
from pipeline.sources import Decoded, Skipped, make_source
from pipeline.sources.images import Images


def grey(path: Path, level: int, size: tuple[int, int] = (6, 8)) -> None:
    """Write a uniform image, under any name."""
    path.write_bytes(cv2.imencode(path.suffix, np.full((*size, 3), level, np.uint8))[1].tobytes())


def read(source: Images) -> list[Decoded]:
    return [item for item in source if isinstance(item, Decoded)]


def levels(source: Images) -> list[int]:
    return [int(item.picture.bgr.mean().round()) for item in read(source)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in (10, 2, 1):
        grey(tmp_path / f"frame_{number}.png", number)
    (tmp_path / "notes.txt").write_text("no image")
    return tmp_path


def test_a_folder_is_read_in_natural_order_at_the_frame_rate(folder: Path) -> None:
    source = Images(str(folder), "shots", frame_rate=29.97)
    stream = source.open()
    items = read(source)
    assert [int(item.picture.bgr.mean()) for item in items] == [1, 2, 10]
    assert [item.pts for item in items] == [0, 1, 2]
    assert {item.time_base for item in items} == {Fraction(100, 2997)}
    assert (stream.name, stream.nominal_interval) == ("shots", Fraction(100, 2997))
    assert source.faults == [] and not stream.cut.is_set()


def test_a_glob_a_single_image_and_a_name_that_looks_like_a_glob_are_found(folder: Path) -> None:
    grey(folder / "[1]*.png", 77)
    assert levels(Images(f"{folder}/frame_?.png", "x")) == [1, 2]
    assert levels(Images(f"{folder}/frame_10.png", "x")) == [10]
    assert levels(Images(f"{folder}/[1]*.png", "x")) == [77]


@pytest.mark.parametrize("ending", [".bmp", ".jpg", ".JPEG", ".png", ".tif", ".tiff", ".webp"])
def test_every_accepted_ending_is_read_also_under_a_name_in_any_script(
    tmp_path: Path, ending: str
) -> None:
    grey(tmp_path / f"gåten 写真{ending}", 120)
    assert levels(Images(str(tmp_path), "x")) == [120]


def test_images_may_have_different_sizes(tmp_path: Path) -> None:
    grey(tmp_path / "a.png", 1, (4, 9))
    grey(tmp_path / "b.png", 2, (7, 3))
    sizes = [(i.picture.width, i.picture.height) for i in read(Images(str(tmp_path), "x"))]
    assert sizes == [(9, 4), (3, 7)]


def test_an_unreadable_image_is_a_fault_and_reading_continues(
    folder: Path,
) -> None:
    (folder / "frame_3.png").write_bytes(b"not an image")
    (folder / "frame_4.png").write_bytes(b"")
    source = Images(str(folder), "x")
    assert [getattr(item, "pts", "skipped") for item in source] == [0, 1, "skipped", "skipped", 4]
    assert [fault.count("\n") for fault in source.faults] == [0, 0]
    assert "frame_3.png" in source.faults[0] and "frame_4.png" in source.faults[1]


def test_an_image_is_turned_upright_by_its_exif_tag(tmp_path: Path) -> None:
    image = np.zeros((16, 32, 3), np.uint8)
    image[:, 16:] = 255
    plain = cv2.imencode(".jpg", image)[1].tobytes()
    # APP1: a TIFF header with the one entry Orientation = 6 (turn clockwise by 90 degrees)
    tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    exif = b"Exif\0\0" + tiff
    tagged = plain[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + plain[2:]
    (tmp_path / "a.jpg").write_bytes(tagged)
    (item,) = read(Images(str(tmp_path), "x"))
    assert (item.picture.width, item.picture.height) == (16, 32)
    assert item.picture.bgr[:14].max() < 20 and item.picture.bgr[18:].min() > 235


def test_stopping_ends_soon_and_cuts_the_stream_but_not_after_the_end(folder: Path) -> None:
    stopped, ended = Images(str(folder), "x"), Images(str(folder), "x")
    stream, complete = stopped.open(), ended.open()
    images = iter(stopped)
    next(images)
    stopped.stop()
    assert list(images) == [] and stream.cut.is_set()
    assert len(list(ended)) == 3
    ended.stop()
    assert not complete.cut.is_set()


@pytest.mark.parametrize("url", ["", "*.png", "missing.png"])
def test_without_an_image_the_message_says_what_is_accepted(tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageError, match=r"no images there; .*\.jpg.*\.webp"):
        Images(f"{tmp_path}/{url}", "x")


def test_a_frame_rate_must_be_positive(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"frame_rate: -5\.0 given"):
        make_source(str(folder), "x", {"frame_rate": -5})


def test_what_is_left_out_of_a_folder_is_said_in_one_line(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "clip.mp4").touch()
    Images(str(folder), "x").open()
    (line,) = caplog.messages
    assert "2 of 5 files are left out" in line and line.endswith("clip.mp4, notes.txt")


def test_further_pages_of_an_image_are_said(tmp_path: Path) -> None:
    pages = [np.full((8, 9, 3), level, np.uint8) for level in (10, 20)]
    cv2.imwritemulti(str(tmp_path / "a.tiff"), pages)
    source = Images(str(tmp_path), "x")
    assert levels(source) == [10]
    assert ["several pages: only the first" in fault for fault in source.faults] == [True]


@pytest.mark.parametrize("ending", [".bmp", ".jpg", ".png", ".tif", ".webp"])
def test_an_image_of_too_many_pixels_is_refused_and_keeps_its_number(
    tmp_path: Path, ending: str
) -> None:
    grey(tmp_path / f"a{ending}", 1, (10, 11))
    grey(tmp_path / f"b{ending}", 120, (10, 10))
    source = Images(str(tmp_path), "x", max_pixels=100)
    first, second = source
    assert isinstance(first, Skipped) and isinstance(second, Decoded) and second.pts == 1
    assert ["11x10 pixels, more than max_pixels (100)" in line for line in source.faults] == [True]


def test_the_stream_names_the_pictures_below_the_folder_that_they_share(tmp_path: Path) -> None:
    for name in ("a/2.png", "a/10.png", "b/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / name), np.zeros((4, 4, 3), np.uint8))
    glob = Images(str(tmp_path / "*/*.png"), "pictures").open()
    assert glob.files == ("a/2.png", "a/10.png", "b/1.png")
    assert Images(str(tmp_path / "a"), "pictures").open().files == ("2.png", "10.png")
