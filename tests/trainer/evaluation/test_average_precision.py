"""Average precision equals values computed by hand from COCO's definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detector.detections import Detections, Float32Array
from trainer.evaluation.average_precision import EvaluatedImage, score

CLASSES = ("person", "car")
NOWHERE = np.zeros((0, 4), np.float32)


def boxes(*rows: tuple[float, ...]) -> Float32Array:
    return np.array(rows, np.float32).reshape(-1, 4)


def found(*rows: tuple[float, ...]) -> Detections:
    """Return detections of rows of x0, y0, x1, y1, score, class."""
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Detections(table[:, :4], table[:, 4], table[:, 5].astype(np.int64))


def evaluated(
    truth: Float32Array, detections: Detections, ignore: Float32Array = NOWHERE, **given: Any
) -> EvaluatedImage:
    """Return an image of 100 x 100 pixels with persons."""
    persons = np.zeros(len(truth), np.int64)
    return EvaluatedImage(given.get("clip", "a"), (100, 100), truth, persons, ignore, detections)


TWO = boxes((0, 0, 10, 10), (50, 50, 70, 70))


@pytest.mark.parametrize(
    ("detections", "ap50"),
    [
        (found((0, 0, 10, 10, 0.9, 0), (50, 50, 70, 70, 0.2, 0)), 1.0),
        (found(), 0.0),
        (found((0, 0, 10, 10, 0.9, 1), (50, 50, 70, 70, 0.2, 1)), 0.0),  # wrong class
        (found((0, 0, 10, 10, 0.9, 0)), 51 / 101),  # recalls 0, .01, ... .5 at precision 1
        (found((80, 0, 90, 10, 0.9, 0), (0, 0, 10, 10, 0.8, 0)), 51 / 101 / 2),
        (found((0, 0, 10, 10, 0.9, 0), (0, 0, 10, 9, 0.8, 0)), 51 / 101),  # the same object twice
    ],
)
def test_ap50_is_the_mean_precision_at_101_recalls(detections: Detections, ap50: float) -> None:
    report = score([evaluated(TWO, detections)], CLASSES)
    assert report.classes["person"].ap50 == pytest.approx(ap50)
    assert report.classes["person"].objects == 2
    assert list(report.classes) == ["person"]  # no car is labelled


def test_ap_is_the_fraction_of_thresholds_below_the_iou() -> None:
    truth = boxes((0, 0, 100, 100))
    report = score([evaluated(truth, found((0, 0, 100, 78, 1, 0)))], CLASSES)  # IoU .78
    person = report.classes["person"]
    assert (person.ap50, person.ap75) == (1, 1)
    assert person.ap == pytest.approx(0.6)  # .50 to .75, six of ten thresholds


@pytest.mark.parametrize(
    ("stray", "ap50"),
    [
        ((80, 80, 90, 90), 1.0),  # inside the region
        ((66, 80, 86, 90), 0.5),  # 0.3 of it inside
        ((20, 80, 30, 90), 0.5),  # outside
    ],
)
def test_an_unmatched_detection_in_a_region_to_ignore_does_not_count(
    stray: tuple[float, ...], ap50: float
) -> None:
    detections = found((*stray, 0.9, 0), (0, 0, 10, 10, 0.8, 0))
    image = evaluated(TWO[:1], detections, ignore=boxes((80, 60, 100, 100)))
    assert score([image], CLASSES).classes["person"].ap50 == pytest.approx(ap50)


def test_an_object_that_touches_a_region_to_ignore_still_counts() -> None:
    image = evaluated(TWO, found((50, 50, 70, 70, 0.9, 0)), ignore=boxes((40, 40, 100, 100)))
    assert score([image], CLASSES).classes["person"].ap50 == pytest.approx(51 / 101)


def test_clips_are_scored_separately() -> None:
    good = evaluated(TWO, found((0, 0, 10, 10, 0.9, 0), (50, 50, 70, 70, 0.9, 0)), clip="good")
    bad = evaluated(TWO, found(), clip="bad")
    report = score([good, bad], CLASSES)
    assert report.clips["good"]["person"].ap50 == 1 and report.clips["bad"]["person"].ap50 == 0
    assert report.classes["person"].ap50 == pytest.approx(51 / 101)
    assert report.mean.ap50 == report.numbers["ap50"] == report.numbers["ap50/person"]


def test_images_without_objects_or_detections_score_nothing() -> None:
    nothing = score([evaluated(NOWHERE, found())], CLASSES)
    assert nothing.mean.objects == 0
    assert nothing.mean.ap is None and nothing.mean.ar is None and nothing.numbers == {}
