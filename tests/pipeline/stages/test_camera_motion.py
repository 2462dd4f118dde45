"""Estimated camera motion against known motions, and its benefit to a tracker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from detector.detections import UInt8Array
from pipeline.frames.frame import Frame
from pipeline.frames.picture import Picture
from pipeline.frames.result import Detected
from pipeline.frames.stream import Stream
from pipeline.stages.camera_motion import CameraMotion
from pipeline.stages.track import Track
from trackers import TRACKERS, make_tracker
from trackers.evaluation.evaluate import evaluate
from trackers.motchallenge.text import MotResult, MotRows, read_mot
from trackers.tracks import Affine

NO_BOXES = np.empty((0, 4), np.float32)
FIRST, COUNT = 150, 40  # frames of the clip in which people pass each other


@pytest.fixture(scope="module")
def images(data: Path) -> list[UInt8Array]:
    """Frames of a fixed camera, RGB, 480 x 360."""
    with av.open(str(data / "pets09" / "vtest_480x360.mp4")) as container:
        frames = list(container.decode(video=0))[FIRST - 1 : FIRST - 1 + COUNT]
    return [frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False) for frame in frames]


def edges_moved(motion: Affine, width: float, height: float) -> Affine:
    edges = np.array([(0, 0), (width, 0), (0, height), (width, height)], float)
    return np.asarray(edges @ motion[:, :2].T + motion[:, 2])


@pytest.mark.parametrize(
    ("shift", "degrees", "zoom"),
    [((6.0, -3.5), 0.0, 1.0), ((0.0, 0.0), 1.5, 1.0), ((-2.0, 1.0), -0.5, 1.02)],
)
@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_a_known_motion_is_estimated_to_a_third_of_a_pixel(
    images: list[UInt8Array],
    shift: tuple[float, float],
    degrees: float,
    zoom: float,
    scale: float,
) -> None:
    truth = np.array(cv2.getRotationMatrix2D((240, 180), degrees, zoom), np.float64)
    truth[:, 2] += np.array(shift)
    moved = cv2.warpAffine(images[1], truth, (480, 360), borderMode=cv2.BORDER_REFLECT)
    camera = CameraMotion()
    assert camera.step(images[0], NO_BOXES, scale) is None
    found = camera.step(moved.astype(np.uint8), NO_BOXES, scale)
    assert found is not None
    truth[:, 2] *= scale  # in pixels of the source
    size = 480 * scale, 360 * scale
    off = edges_moved(found, *size) - edges_moved(truth, *size)
    assert np.abs(off).max() < scale / 3


def test_a_fixed_camera_has_no_motion_although_people_walk(
    images: list[UInt8Array],
) -> None:
    camera = CameraMotion()
    assert [camera.step(image, NO_BOXES, 1.0) for image in images] == [None] * COUNT


def test_detected_objects_are_not_used_as_background() -> None:
    """An object that covers most of the image moves over a static background."""
    random = np.random.default_rng(0)
    ground = random.integers(0, 255, (30, 40, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    foreground = random.integers(0, 255, (25, 30, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    results = []
    for detected in (False, True):
        camera = CameraMotion()
        for left in (20, 26):
            image = ground.copy()
            image[20:220, left : left + 240] = foreground
            box = np.array([[left, 20, left + 240, 220]], np.float32)
            motion = camera.step(image, box if detected else NO_BOXES, 1.0)
        results.append(motion)
    undetected, with_box = results
    assert undetected is not None and undetected[0, 2] == pytest.approx(6, abs=0.5)
    assert with_box is None


@pytest.mark.parametrize("plain", [0, 114])
def test_a_plain_image_has_no_motion(plain: int) -> None:
    camera = CameraMotion()
    for _ in range(3):
        assert camera.step(np.full((96, 128, 3), plain, np.uint8), NO_BOXES, 1.0) is None


def shaken(images: list[UInt8Array], truth: MotRows) -> Iterator[tuple[Detected, MotRows]]:
    """Yield frames of a shaking camera with the true boxes as detections, and those boxes."""
    random, stream = np.random.default_rng(3), Stream("hand", "hand", Fraction(1, 10))
    for k, image in enumerate(images):
        left, top = int(random.integers(20, 100)), int(random.integers(20, 70))
        view = image[top : top + 270, left : left + 360].copy()
        rows = truth.at(FIRST + k)
        rows = replace(rows, boxes_xyxy=rows.boxes_xyxy - (left, top, left, top))
        found = replace(rows, scores=np.full(len(rows), 0.9)).detections()
        frame = Frame(stream, FIRST - 1 + k, k, k, Fraction(1, 10), 0.0, Picture.of(view))
        yield Detected(frame, found, view), rows


@pytest.mark.parametrize("name", TRACKERS)
def test_a_tracker_that_knows_the_motion_keeps_the_identities(
    name: str, images: list[UInt8Array], data: Path
) -> None:
    truth = read_mot(data / "pets09" / "gt_480x360.txt", with_classes=False)
    items, rows = zip(*shaken(images, truth), strict=True)
    shown = MotRows(*(np.concatenate([getattr(r, f.name) for r in rows]) for f in fields(MotRows)))
    scores = []
    for camera in (None, CameraMotion()):
        stage = Track(make_tracker(name), camera)
        tracked = [t for item in items for t in stage.process(item)]
        result = MotResult.of((t.frame.index + 1, t.tracks) for t in tracked)
        (metrics,) = evaluate(shown, result.rows, "mot15").values()
        scores.append(metrics.identity.idf1)
    without_motion, with_motion = scores
    assert with_motion > 0.95 and without_motion < 0.5
