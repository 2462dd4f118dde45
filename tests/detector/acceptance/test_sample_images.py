"""Images to calibrate on are spread over a source and letterboxed as the network sees them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.acceptance.sample_images import BUNDLED, read_images
from detector.detections import UInt8Array
from detector.errors import UsageError
from tests.support.ffmpeg import tool

GREYS = (0, 60, 120, 180, 240)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Grey images, the last in a sub-folder, and a file that is not an image."""
    (tmp_path / "more").mkdir()
    for number, grey in enumerate(GREYS):
        place = tmp_path / "more" if grey == 240 else tmp_path
        cv2.imwrite(str(place / f"{number}.png"), np.full((20, 40, 3), grey, np.uint8))
    (tmp_path / "notes.txt").write_text("not an image")
    return tmp_path


def middles(images: UInt8Array) -> list[int]:
    return [int(image[32, 32].mean()) for image in images]


def test_a_folder_gives_all_its_images_in_order(folder: Path) -> None:
    images = read_images(folder, (64, 64), 10)
    assert images.shape == (5, 64, 64, 3) and images.dtype == np.uint8
    assert middles(images) == list(GREYS)
    assert (images[:, 0] == 114).all()  # the letterbox's border


def test_when_fewer_are_wanted_they_are_evenly_spaced(folder: Path) -> None:
    assert middles(read_images(folder, (64, 64), 3)) == [0, 120, 240]


def test_colours_are_rgb(tmp_path: Path) -> None:
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 2] = 255  # OpenCV writes BGR
    cv2.imwrite(str(tmp_path / "red.png"), red)
    assert read_images(tmp_path / "red.png", (8, 8), 1)[0, 4, 4].tolist() == [255, 0, 0]


def test_a_video_gives_frames_from_its_first_to_its_last(folder: Path, tmp_path: Path) -> None:
    (folder / "more/4.png").rename(folder / "4.png")
    video = tmp_path / "clip.mp4"
    lossless = ("-c:v", "libx264", "-qp", "0", "-pix_fmt", "yuv444p")
    tool("ffmpeg", "-framerate", "5", "-i", str(folder / "%d.png"), *lossless, str(video))
    assert middles(read_images(video, (64, 64), 3)) == pytest.approx([0, 120, 240], abs=2)
    assert len(read_images(video, (64, 64), 99)) == 5


def test_the_bundled_images_can_be_read() -> None:
    assert len(read_images(BUNDLED, (64, 64), 99)) == 4


@pytest.mark.parametrize("name", ["gone", "gone.mp4", "notes.txt"])
def test_a_source_that_is_not_a_folder_video_or_image_is_refused(name: str, folder: Path) -> None:
    with pytest.raises(UsageError, match=f"{name}' is not a folder, and not a video or image"):
        read_images(folder / name, (64, 64), 1)


def test_an_empty_folder_and_a_broken_image_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has no images: give a video, or a folder with \.bmp"):
        read_images(tmp_path, (64, 64), 1)
    cut = cv2.imencode(".jpg", np.zeros((99, 99, 3), np.uint8))[1].tobytes()[:-9]
    (tmp_path / "cut.jpg").write_bytes(cut)
    with pytest.raises(UsageError, match=r"cut.jpg' is cut off: its end is missing"):
        read_images(tmp_path, (64, 64), 1)
    (tmp_path / "broken.png").write_bytes(b"not an image")
    with pytest.raises(UsageError, match=r"broken.png' is not an image that can be read"):
        read_images(tmp_path, (64, 64), 1)
