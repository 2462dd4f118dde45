"""The motion of a camera, against motions that were put in, and what a tracker gains by it."""

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
from pipeline.frame import Detected, Frame, Picture, Stream
from pipeline.stages.camera_motion import CameraMotion
from pipeline.stages.track import Track
from trackers import TRACKERS, make_tracker
from trackers.evaluation.evaluate import evaluate
from trackers.motchallenge.text import MotResult, MotRows, read_mot
from trackers.tracks import Affine

NO_BOXES = np.empty((0, 4), np.float32)
FIRST, COUNT = 150, 40  # frames of the clip in which people pass each other


@pytest.fixture(scope="module")
def pictures(data: Path) -> list[UInt8Array]:
    """Real pictures of a camera that stands still, RGB, 480 x 360."""
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
def test_a_known_motion_is_found_to_a_third_of_a_pixel(
    pictures: list[UInt8Array],
    shift: tuple[float, float],
    degrees: float,
    zoom: float,
    scale: float,
) -> None:
    truth = np.array(cv2.getRotationMatrix2D((240, 180), degrees, zoom), np.float64)
    truth[:, 2] += np.array(shift)
    moved = cv2.warpAffine(pictures[1], truth, (480, 360), borderMode=cv2.BORDER_REFLECT)
    camera = CameraMotion()
    assert camera.step(pictures[0], NO_BOXES, scale) is None
    found = camera.step(moved.astype(np.uint8), NO_BOXES, scale)
    assert found is not None
    truth[:, 2] *= scale  # in pixels of the source
    size = 480 * scale, 360 * scale
    off = edges_moved(found, *size) - edges_moved(truth, *size)
    assert np.abs(off).max() < scale / 3


def test_a_camera_that_stands_still_is_said_to_though_people_walk(
    pictures: list[UInt8Array],
) -> None:
    camera = CameraMotion()
    assert [camera.step(picture, NO_BOXES, 1.0) for picture in pictures] == [None] * COUNT


def test_what_is_detected_is_no_background() -> None:
    """A thing that covers most of the picture slides over ground that rests."""
    random = np.random.default_rng(0)
    ground = random.integers(0, 255, (30, 40, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    thing = random.integers(0, 255, (25, 30, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    results = []
    for known in (False, True):
        camera = CameraMotion()
        for left in (20, 26):
            picture = ground.copy()
            picture[20:220, left : left + 240] = thing
            box = np.array([[left, 20, left + 240, 220]], np.float32)
            motion = camera.step(picture, box if known else NO_BOXES, 1.0)
        results.append(motion)
    mistaken, right = results
    assert mistaken is not None and mistaken[0, 2] == pytest.approx(6, abs=0.5)
    assert right is None


@pytest.mark.parametrize("plain", [0, 114])
def test_where_there_is_nothing_to_follow_there_is_no_motion(plain: int) -> None:
    camera = CameraMotion()
    for _ in range(3):
        assert camera.step(np.full((96, 128, 3), plain, np.uint8), NO_BOXES, 1.0) is None


def shaken(pictures: list[UInt8Array], truth: MotRows) -> Iterator[tuple[Detected, MotRows]]:
    """Yield frames as a hand shows them that is not steady, true boxes found, and these boxes."""
    random, stream = np.random.default_rng(3), Stream("hand", "hand", Fraction(1, 10))
    for k, picture in enumerate(pictures):
        left, top = int(random.integers(20, 100)), int(random.integers(20, 70))
        view = picture[top : top + 270, left : left + 360].copy()
        rows = truth.at(FIRST + k)
        rows = replace(rows, boxes_xyxy=rows.boxes_xyxy - (left, top, left, top))
        found = replace(rows, scores=np.full(len(rows), 0.9)).detections()
        frame = Frame(stream, FIRST - 1 + k, k, k, Fraction(1, 10), 0.0, Picture.of(view))
        yield Detected(frame, found, view), rows


@pytest.mark.parametrize("name", TRACKERS)
def test_a_tracker_that_is_told_of_the_motion_keeps_the_identities(
    name: str, pictures: list[UInt8Array], data: Path
) -> None:
    truth = read_mot(data / "pets09" / "gt_480x360.txt", with_classes=False)
    items, rows = zip(*shaken(pictures, truth), strict=True)
    there = MotRows(*(np.concatenate([getattr(r, f.name) for r in rows]) for f in fields(MotRows)))
    scores = []
    for camera in (None, CameraMotion()):
        stage = Track(make_tracker(name), camera)
        tracked = [t for item in items for t in stage.process(item)]
        result = MotResult.of((t.frame.index + 1, t.tracks) for t in tracked)
        (of_all,) = evaluate(there, result.rows, "mot15").values()
        scores.append(of_all.identity.idf1)
    untold, told = scores
    assert told > 0.95 and untold < 0.5
