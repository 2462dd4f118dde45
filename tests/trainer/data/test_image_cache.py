"""Images are the same wherever they are cached."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from detector.detections import Float32Array, UInt8Array
from detector.errors import UsageError
from tests.support.paths import ROOT
from tests.support.rectangles import draw_rectangles
from trainer.augment.augmenter import Augmenter, AugmentOptions
from trainer.data.datasets import ClipSpec, Joined, YoloSpec, load_dataset
from trainer.data.image_cache import Cache, cache_images

SIZE = (48, 64)


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_rectangles(tmp_path_factory.mktemp("cached") / "rectangles")


@pytest.fixture(scope="module")
def dataset(described: Path) -> Joined:
    return load_dataset([YoloSpec(yolo=described, split="all")], ["red", "blue"])


def epoch(dataset: Joined, cache: Cache, folder: Path) -> list[tuple[UInt8Array, Float32Array]]:
    options = AugmentOptions(paste_in=1.0)
    cached = cache_images(dataset, SIZE, cache, folder)
    augment = Augmenter(dataset, SIZE, options, seed=0, images=cached)
    return [augment.augmented(index, 0) for index in range(len(augment))]


@pytest.mark.parametrize("cache", ["disk", "none"])
def test_every_cache_gives_the_same_images(dataset: Joined, tmp_path: Path, cache: Cache) -> None:
    for one, other in zip(
        epoch(dataset, "ram", tmp_path), epoch(dataset, cache, tmp_path), strict=True
    ):
        assert (one[0] == other[0]).all() and (one[1] == other[1]).all()


@pytest.mark.parametrize("cache", ["ram", "disk"])
def test_repeated_images_are_cached_once(described: Path, tmp_path: Path, cache: Cache) -> None:
    twice = YoloSpec(yolo=described, split="all", repeat=2)
    cached = cache_images(load_dataset([twice], ["red", "blue"]), SIZE, cache, tmp_path)
    assert len(cached) == 16 and cached[0] is cached[8] and cached[0] is not cached[1]


def test_the_cache_file_has_no_name_and_is_read_only(dataset: Joined, tmp_path: Path) -> None:
    cached = cache_images(dataset, SIZE, "disk", tmp_path)
    assert list(tmp_path.iterdir()) == [] and cached[3].image.any()
    with pytest.raises(ValueError, match="read-only"):
        cached[3].image[0] = 0


def test_a_clip_without_a_cache_is_refused(data: Path, tmp_path: Path) -> None:
    clip = data / "street/videos/person-bicycle-car-detection.mp4"
    spec = ClipSpec(clip=clip, frames=(1, 3))
    dataset = load_dataset([spec], ["person", "bicycle", "car"])
    with pytest.raises(UsageError, match=r"data.cache: 'none' given, .* give ram or disk"):
        cache_images(dataset, SIZE, "none", tmp_path)


FULL = """
import resource, sys
from pathlib import Path
from detector.errors import UsageError
from trainer.data.datasets import YoloSpec, load_dataset
from trainer.data.image_cache import cache_images

dataset = load_dataset([YoloSpec(yolo=Path(sys.argv[1]), split="all")], ["red", "blue"])
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    cache_images(dataset, (640, 640), "disk", Path(sys.argv[2]))
except UsageError as error:
    sys.exit(str(error))
"""


def test_a_full_disk_causes_one_line_of_error(described: Path, tmp_path: Path) -> None:
    full = subprocess.run(
        [sys.executable, "-c", FULL, described, tmp_path / "cache"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    expected = f"{tmp_path / 'cache'}: no room for the cache: {os.strerror(errno.EFBIG)}"
    assert full.stderr.strip() == expected
    assert full.returncode == 1
