"""Evaluation sees pictures as the product does, and compares in their own pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.errors import ModelError
from detector.letterbox import Letterbox
from trainer.evaluate import Model, evaluate, open_model
from trainer.samples import Sample

SIZE = (96, 128)


def samples() -> list[Sample]:
    """Return grey pictures of many shapes, with a white rectangle where an object is labelled."""
    rng = np.random.default_rng(3)
    made = []
    for number, (height, width) in enumerate(
        [(96, 128), (200, 150), (77, 333), (480, 640), (9, 9)]
    ):
        x0, x1 = sorted(rng.choice(width, 2, replace=False))
        y0, y1 = sorted(rng.choice(height, 2, replace=False))
        image = np.full((height, width, 3), 60, np.uint8)
        image[y0:y1, x0:x1] = 255
        box = np.array([[x0, y0, x1, y1]], np.float32)
        key = f"clips/clip{number % 2}.mp4#{number}"
        made.append(Sample(image, box, np.array([1]), key, np.zeros((0, 4), np.float32)))
    return made


def oracle(images: UInt8Array) -> Candidates:
    """Find white rectangles, as class 1."""
    boxes = []
    for image in images:
        rows, columns = np.nonzero(image[:, :, 0] > 150)
        boxes.append([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]])
    scores = np.tile(np.array([0.1, 0.9], np.float32), (len(images), 1, 1))
    return Candidates(np.array(boxes, np.float32), scores)


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_what_is_found_in_the_letterbox_is_compared_in_source_pixels(batch: int) -> None:
    large = [sample for sample in samples() if min(sample.image.shape[:2]) > 50]
    report = evaluate(Model(oracle, ("cat", "dog"), SIZE, batch), large)
    assert report.mean.ap50 == 1 and report.mean.objects == len(large)


def test_the_model_sees_the_products_letterbox() -> None:
    seen: list[UInt8Array] = []

    def remember(images: UInt8Array) -> Candidates:
        seen.extend(images)
        return oracle(images)

    evaluate(Model(remember, ("cat", "dog"), SIZE, 2), samples()[:3])
    for image, sample in zip(seen, samples()[:3], strict=True):
        placed = Letterbox.fit(sample.image.shape[:2], SIZE).apply(sample.image)
        np.testing.assert_array_equal(image, placed)


def test_rivals_are_compared_before_the_picture_clips_them_as_in_the_product() -> None:
    """Two objects on one place: of the second, half lies in the padding, as the network sees it."""
    whole, spilling = [40, 24, 80, 72], [40, 4, 80, 92]  # of their union they share 48 / 88

    def infer(images: UInt8Array) -> Candidates:
        boxes = np.array([[whole, spilling]], np.float32)
        return Candidates(boxes, np.array([[[0, 0.9], [0, 0.8]]], np.float32))

    image, labels = np.zeros((48, 128, 3), np.uint8), np.array([[40, 0, 80, 48]] * 2, np.float32)
    sample = Sample(image, labels, np.array([1, 1]), "a/b.png", np.zeros((0, 4), np.float32))
    assert evaluate(Model(infer, ("cat", "dog"), SIZE), [sample]).mean.ap50 == 1


def test_scores_are_given_per_clip() -> None:
    report = evaluate(Model(oracle, ("cat", "dog"), SIZE), samples())
    assert {clip: scores["dog"].objects for clip, scores in report.clips.items()} == {
        "clip0": 3,
        "clip1": 2,
    }


def test_only_models_and_weights_can_be_evaluated(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"give an .onnx or a .safetensors"):
        open_model(tmp_path / "model.pt").__enter__()
