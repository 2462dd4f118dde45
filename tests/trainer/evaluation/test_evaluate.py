"""Evaluation runs models as the pipeline does, and compares boxes in source pixels."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from detector.candidates import Candidates
from detector.detections import Detections, UInt8Array
from detector.errors import ModelError, UsageError
from detector.export.onnx_export import export_model
from detector.letterbox import Letterbox
from detector.manifest import Manifest
from detector.weights.torch_networks import save_weights
from detector.weights.zoo import find_model
from detector.yolov7.network import build_network
from tests.support.weights import reference_weights
from trainer.data.datasets import CocoSpec, load_dataset
from trainer.data.samples import Sample
from trainer.evaluation.evaluate import Model, evaluate, evaluate_images, open_model

SIZE = (96, 128)


def samples() -> list[Sample]:
    """Return grey images of many shapes, with a white rectangle at the labelled object."""
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
    """Detect white rectangles as class 1."""
    boxes = []
    for image in images:
        rows, columns = np.nonzero(image[:, :, 0] > 150)
        boxes.append([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]])
    scores = np.tile(np.array([0.1, 0.9], np.float32), (len(images), 1, 1))
    return Candidates(np.array(boxes, np.float32), scores)


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_detections_are_compared_in_source_pixels(batch: int) -> None:
    large = [sample for sample in samples() if min(sample.image.shape[:2]) > 50]
    report = evaluate(Model(oracle, ("cat", "dog"), SIZE, batch), large)
    assert report.mean.ap50 == 1 and report.mean.objects == len(large)


def test_the_model_gets_letterboxed_images() -> None:
    seen: list[UInt8Array] = []

    def remember(images: UInt8Array) -> Candidates:
        seen.extend(images)
        return oracle(images)

    evaluate(Model(remember, ("cat", "dog"), SIZE, 2), samples()[:3])
    for image, sample in zip(seen, samples()[:3], strict=True):
        placed = Letterbox.fit(sample.image.shape[:2], SIZE).apply(sample.image)
        np.testing.assert_array_equal(image, placed)


def test_nms_compares_boxes_before_they_are_clipped_to_the_image() -> None:
    """Two objects at one place; half of the second box lies in the padding."""
    whole, spilling = [40, 24, 80, 72], [40, 4, 80, 92]  # IoU 48 / 88

    def infer(images: UInt8Array) -> Candidates:
        boxes = np.array([[whole, spilling]], np.float32)
        return Candidates(boxes, np.array([[[0, 0.9], [0, 0.8]]], np.float32))

    image, labels = np.zeros((48, 128, 3), np.uint8), np.array([[40, 0, 80, 48]] * 2, np.float32)
    sample = Sample(image, labels, np.array([1, 1]), "a/b.png", np.zeros((0, 4), np.float32))
    assert evaluate(Model(infer, ("cat", "dog"), SIZE), [sample]).mean.ap50 == 1


def test_scores_are_reported_per_clip() -> None:
    report = evaluate(Model(oracle, ("cat", "dog"), SIZE), samples())
    assert {clip: scores["dog"].objects for clip, scores in report.clips.items()} == {
        "clip0": 3,
        "clip1": 2,
    }


def test_an_unknown_model_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(ModelError, match=r"stret.*did you mean 'street'"):
        open_model("stret").__enter__()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    torch.manual_seed(0)
    network = build_network("yolov7-tiny", classes=2, width=0.125)
    save_weights(network, path, class_names=("cat", "dog"), size=SIZE)
    return path


def test_an_export_and_its_weights_have_the_same_detections(data: Path, tmp_path: Path) -> None:
    annotated = data / "tinycoco/annotations/instances_val2017.json"
    names = [each["name"] for each in json.loads(annotated.read_text())["categories"]]
    photographs = load_dataset(
        [CocoSpec(coco=annotated, images=data / "tinycoco/images/val2017")], names
    )
    network = build_network("yolov7-tiny", classes=len(names), width=0.25).eval()
    network.load_state_dict(reference_weights(network, prefix=""))  # scores differ everywhere
    save_weights(network, tmp_path / "a.safetensors", class_names=names, size=(256, 320))
    export_model(network.weights(), tmp_path / "a.onnx", class_names=names, size=(256, 320))
    found = []
    for file in ("a.safetensors", "a.onnx"):
        with open_model(tmp_path / file) as model:
            found.append(
                [evaluated.detections for evaluated in evaluate_images(model, photographs)]
            )
    shared = []
    for of_torch, of_onnx in zip(*found, strict=True):
        assert len(of_torch) == len(of_onnx) > 200
        same = same_detections(of_torch, of_onnx)
        shared += [same.any(axis=0), same.any(axis=1)]
    assert np.concatenate(shared).mean() > 0.999  # of two classes with equal scores either may win


def same_detections(one: Detections, other: Detections) -> NDArray[np.bool_]:
    """Return which of n detections equal which of m, up to rounding: (n, m)."""
    pixels = np.abs(one.boxes_xyxy[:, None] - other.boxes_xyxy).max(axis=2)
    score = np.abs(one.scores[:, None] - other.scores)
    same_class = one.class_ids[:, None] == other.class_ids
    equal: NDArray[np.bool_] = (pixels < 0.05) & (score < 1e-5) & same_class
    return equal


def test_rectangular_evaluation_pads_to_the_stride_only(weights: Path) -> None:
    seen = []

    def watched(images: UInt8Array) -> Candidates:
        seen.append(images.shape)
        return model.infer(images)

    with open_model(weights, rectangular=True) as model:
        assert model.input_size((480, 640)) == (96, 128)
        assert model.input_size((100, 300)) == (64, 128)  # 43 x 128 pixels
        assert model.input_size((300, 100)) == (96, 32)
        wide = [sample for sample in samples() if sample.image.shape[:2] == (77, 333)]
        evaluate(replace(model, infer=watched), [*samples()[:1], *wide, *wide])
    assert seen == [
        (1, 96, 128, 3),
        (2, 32, 128, 3),
    ]  # consecutive images of one shape form a batch


def test_an_image_that_fills_the_input_has_the_same_detections_in_both_modes(weights: Path) -> None:
    whole = [sample for sample in samples() if sample.image.shape[:2] == SIZE]
    with open_model(weights, rectangular=True) as any_size, open_model(weights) as one_size:
        (here,), (there,) = evaluate_images(any_size, whole), evaluate_images(one_size, whole)
    assert len(here.detections) > 0
    np.testing.assert_array_equal(here.detections.boxes_xyxy, there.detections.boxes_xyxy)


def test_rectangular_evaluation_is_for_weights_only() -> None:
    with pytest.raises(UsageError, match=r"needs any input size, and street has one"):
        open_model("street", rectangular=True).__enter__()


def test_a_model_of_fixed_batch_size_gets_full_batches(tmp_path: Path) -> None:
    source = find_model("street")
    fixed = replace(Manifest.beside(source), max_batch=4, dynamic_batch=False)
    shutil.copy(source, tmp_path / "fixed.onnx")
    fixed.write(tmp_path / "fixed.json")
    dogs = [replace(sample, class_ids=np.array([2])) for sample in samples()]
    with open_model(
        tmp_path / "fixed.onnx", "fake"
    ) as model:  # the fake engine refuses other numbers
        assert model.batch == 4
        assert evaluate(model, dogs).mean.objects == 5
