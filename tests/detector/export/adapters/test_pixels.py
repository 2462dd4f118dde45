"""Bytes become what the network takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto
from onnx.reference import ReferenceEvaluator

from detector.export.adapters.foreign import read_foreign
from detector.export.adapters.pixels import PIXELS, front_of
from tests.support.foreign_graphs import Form, write_foreign
from tests.support.foreign_twins import Array

BY_HAND: dict[str, Callable[[Array], Array]] = {
    "rgb": lambda images: images / 255,
    "bgr": lambda images: images[..., ::-1] / 255,
    "rgb-255": lambda images: images,
    "bgr-255": lambda images: images[..., ::-1],
    "imagenet": lambda images: (images / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225],
}


def run(front: ModelProto, names: list[str], images: Array) -> list[Array]:
    return [np.asarray(value) for value in ReferenceEvaluator(front).run(names, {"images": images})]


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("is_nchw", [True, False])
@pytest.mark.parametrize("pixels", PIXELS)
def test_pixels_are_scaled_ordered_and_placed(
    pixels: str, is_nchw: bool, half: bool, tmp_path: Path
) -> None:
    form = Form(is_nchw=is_nchw, half=half)
    graph = read_foreign(write_foreign("rows", tmp_path / "raw.onnx", form))
    front, name = front_of(graph, PIXELS[pixels], counted=False)
    images = np.random.default_rng(0).integers(0, 255, (2, *form.size, 3)).astype(np.uint8)
    (found,) = run(front, [name], images)
    wanted = BY_HAND[pixels](images)
    assert found.dtype == (np.float16 if half else np.float32)
    np.testing.assert_allclose(
        found,
        np.moveaxis(wanted, 3, 1) if is_nchw else wanted,
        rtol=1e-3 if half else 1e-5,
        atol=1e-6,
    )


def test_images_and_their_size_are_counted_for_graphs_that_ask(tmp_path: Path) -> None:
    form = Form(size=(96, 64))
    graph = read_foreign(write_foreign("scaled", tmp_path / "raw.onnx", form))
    front, _ = front_of(graph, PIXELS["rgb"], counted=True)
    images = np.zeros((3, *form.size, 3), np.uint8)
    count, sizes = run(front, ["image_count", "sizes"], images)
    assert count.tolist() == [3] and sizes.tolist() == [[64, 96]] * 3  # width, height
