"""Curves, confusions and mistakes equal manual counts and the results of COCO's library."""

from __future__ import annotations

import numpy as np
import pytest

from detector.detections import Detections, Float32Array
from tests.trainer.evaluation.test_average_precision import boxes, found
from trainer.evaluation.analysis import CONFIDENCES, Analysis, Curve, analyse
from trainer.evaluation.average_precision import EvaluatedImage, score

CLASSES = ("cat", "dog")
NOWHERE = np.zeros((0, 4), np.float32)
TRUTH = boxes((0, 0, 10, 10), (20, 20, 40, 40), (60, 60, 90, 90))


def image(
    detections: Detections,
    classes: tuple[int, ...] = (0, 1, 1),
    ignore: Float32Array = NOWHERE,
    ignore_class: int = 0,
) -> EvaluatedImage:
    """Return an image with a cat and two dogs."""
    of = np.full(len(ignore), ignore_class)
    truth = TRUTH[: len(classes)]
    return EvaluatedImage(
        "a", (100, 100), truth, np.array(classes, np.int64), ignore, detections, of
    )


def crowded(seed: int) -> list[EvaluatedImage]:
    """Return images with many objects, good and bad detections, and regions to ignore."""
    rng = np.random.default_rng(seed)
    images = []
    for _ in range(12):
        corners = rng.uniform(0, 70, (9, 2))
        truth = np.hstack([corners, corners + rng.uniform(15, 40, (9, 2))]).astype(np.float32)
        classes = rng.integers(0, 2, 9)
        moved = np.repeat(truth, 3, axis=0) + rng.normal(0, 2.5, (27, 4))
        rows = np.column_stack([moved, rng.random(27), np.repeat(classes, 3)])
        rows[rng.random(27) < 0.2, 5] = rng.integers(0, 2)
        of = rng.integers(0, 2, 2)
        images.append(
            EvaluatedImage(
                "a", (120, 120), truth[:7], classes[:7], truth[7:], found(*rows.tolist()), of
            )
        )
    return images


def ap50(curve: Curve) -> float:
    """Return the mean of the best precision at or beyond each of 101 recalls."""
    pairs = list(zip(curve.recall, curve.precision, strict=True))
    recalls = np.linspace(0, 1, 101)
    best = [max((p for r, p in pairs if r >= recall), default=0) for recall in recalls]
    return float(np.mean(best))


@pytest.mark.parametrize("seed", range(5))
def test_the_area_under_a_curve_equals_the_ap50_of_cocos_library(seed: int) -> None:
    images = crowded(seed)
    report, analysis = score(images, CLASSES), analyse(images, CLASSES)
    for name in CLASSES:
        assert ap50(analysis.curves[name]) == pytest.approx(report.classes[name].ap50, abs=1e-6)


def at(analysis: Analysis, name: str, confidence: float) -> list[float]:
    row: list[float] = analysis.curves[name].by_confidence[round(confidence * 100)].tolist()
    return row


def test_precision_recall_and_f1_count_detections_above_a_threshold() -> None:
    detections = found(
        (0, 0, 10, 10, 0.9, 0),  # the cat
        (20, 20, 40, 40, 0.8, 1),  # a dog
        (5, 60, 25, 80, 0.6, 1),  # background
        (60, 60, 90, 90, 0.4, 1),  # the other dog
    )
    analysis = analyse([image(detections)], CLASSES)
    assert at(analysis, "cat", 0.89) == [1, 1, 1] and at(analysis, "cat", 0.91) == [1, 0, 0]
    assert at(analysis, "dog", 0.7) == pytest.approx([1, 1 / 2, 2 / 3])
    assert at(analysis, "dog", 0.5) == pytest.approx([1 / 2, 1 / 2, 1 / 2])
    assert at(analysis, "dog", 0.3) == pytest.approx([2 / 3, 1, 4 / 5])
    assert analysis.f1 == pytest.approx((1 + 4 / 5) / 2) and analysis.confidence <= 0.4


def test_confusions_are_counted_at_the_best_threshold() -> None:
    detections = found(
        (0, 0, 10, 10, 0.9, 1),  # the cat, as a dog
        (20, 20, 40, 40, 0.8, 1),  # a dog
        (5, 60, 25, 80, 0.7, 1),  # background
    )
    cats = [image(found((0, 0, 10, 10, 0.9, 0)), (0,))] * 3
    analysis = analyse([image(detections), *cats], CLASSES)
    # rows: detected as cat, dog, background; columns: labelled cat, dog, background
    assert analysis.confusion.tolist() == [[3, 0, 0], [1, 1, 1], [0, 1, 0]]
    assert analysis.mistakes.tolist() == [3, 0, 0, 0]
    assert analysis.worst(2) == [0]


@pytest.mark.parametrize(("ignore_class", "wrong"), [(1, 0), (0, 1)])
def test_a_region_to_ignore_applies_to_its_class(ignore_class: int, wrong: int) -> None:
    detections = found((0, 0, 10, 10, 0.9, 0), (70, 20, 90, 40, 0.9, 1))
    region = boxes((60, 10, 100, 50))
    evaluated = image(detections, (0, 1), region, ignore_class)
    curve = analyse([evaluated], CLASSES).curves["dog"]
    assert len(curve.precision) == wrong


def test_an_image_without_labels_and_detections_has_no_mistake() -> None:
    analysis = analyse([image(found(), ())], CLASSES)
    assert analysis.curves == {} and analysis.mistakes.tolist() == [0] and analysis.f1 == 0
    assert len(CONFIDENCES) == 101
