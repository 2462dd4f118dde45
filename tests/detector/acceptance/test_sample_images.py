"""Pictures to calibrate on come from all over a source, letterboxed as the network sees them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.acceptance.sample_images import BUNDLED, read_pictures
from detector.detections import UInt8Array
from detector.errors import UsageError
from tests.support.ffmpeg import tool

GREYS = (0, 60, 120, 180, 240)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Grey pictures, the last in a folder of its own, and a file that is none."""
    (tmp_path / "more").mkdir()
    for number, grey in enumerate(GREYS):
        place = tmp_path / "more" if grey == 240 else tmp_path
        cv2.imwrite(str(place / f"{number}.png"), np.full((20, 40, 3), grey, np.uint8))
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def middles(pictures: UInt8Array) -> list[int]:
    return [int(picture[32, 32].mean()) for picture in pictures]


def test_a_folder_gives_all_its_pictures_in_order(folder: Path) -> None:
    pictures = read_pictures(folder, (64, 64), 10)
    assert pictures.shape == (5, 64, 64, 3) and pictures.dtype == np.uint8
    assert middles(pictures) == list(GREYS)
    assert (pictures[:, 0] == 114).all()  # the letterbox's border


def test_fewer_than_there_are_come_from_all_over(folder: Path) -> None:
    assert middles(read_pictures(folder, (64, 64), 3)) == [0, 120, 240]


def test_colours_are_rgb(tmp_path: Path) -> None:
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 2] = 255  # OpenCV writes BGR
    cv2.imwrite(str(tmp_path / "red.png"), red)
    assert read_pictures(tmp_path / "red.png", (8, 8), 1)[0, 4, 4].tolist() == [255, 0, 0]


def test_a_clip_gives_frames_from_its_first_to_its_last(folder: Path, tmp_path: Path) -> None:
    (folder / "more/4.png").rename(folder / "4.png")
    clip = tmp_path / "clip.mp4"
    lossless = ("-c:v", "libx264", "-qp", "0", "-pix_fmt", "yuv444p")
    tool("ffmpeg", "-framerate", "5", "-i", str(folder / "%d.png"), *lossless, str(clip))
    assert middles(read_pictures(clip, (64, 64), 3)) == pytest.approx([0, 120, 240], abs=2)
    assert len(read_pictures(clip, (64, 64), 99)) == 5


def test_the_bundled_pictures_can_be_read() -> None:
    assert len(read_pictures(BUNDLED, (64, 64), 99)) == 4


@pytest.mark.parametrize("name", ["gone", "gone.mp4", "notes.txt"])
def test_what_is_no_picture_folder_or_clip_is_refused(name: str, folder: Path) -> None:
    with pytest.raises(UsageError, match=f"{name}' is no folder, and no video or picture"):
        read_pictures(folder / name, (64, 64), 1)


def test_an_empty_folder_and_a_broken_picture_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"shows nothing: give a video, or a folder with \.jpg"):
        read_pictures(tmp_path, (64, 64), 1)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(UsageError, match=r"broken.png' is not a picture that can be read"):
        read_pictures(tmp_path, (64, 64), 1)
