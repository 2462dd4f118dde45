"""Tracking in the pipeline: the tracker gets detections and times, the frame gets the tracks."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from detector.detections import Detections
from pipeline.frame import Detected, Frame, Picture, Stream
from pipeline.stages.track import Track
from trackers.inputs import DetectionsLike
from trackers.tracks import Affine, Tracks

STREAM = Stream("street", "street.mp4", Fraction(1, 25))
ONE_BOX = Detections(
    np.array([[1, 2, 3, 4]], np.float32), np.array([0.9], np.float32), np.array([2], np.int64)
)


class RecordingTracker:
    """Records its input; every detection is track 7."""

    def __init__(self) -> None:
        self.updates: list[tuple[Detections, float]] = []

    def update(
        self, detections: DetectionsLike, seconds: float, camera: Affine | None = None
    ) -> Tracks:
        assert isinstance(detections, Detections)
        self.updates.append((detections, seconds))
        n = len(detections)
        return Tracks(
            detections.boxes_xyxy,
            detections.scores,
            detections.class_ids,
            np.full(n, 7, np.int64),
            np.ones(n, np.int8),
        )

    def reset(self) -> None:
        self.updates.clear()


def detected(ticks: int, detections: Detections) -> Detected:
    picture = Picture.of(np.zeros((8, 8, 3), np.uint8))
    return Detected(Frame(STREAM, 0, None, ticks, Fraction(1, 90000), 123.0, picture), detections)


def test_the_tracker_gets_the_times_of_the_source_not_of_the_wall_clock() -> None:
    tracker = RecordingTracker()
    stage = Track(tracker)
    for ticks in (0, 3003, 450000):
        assert len(list(stage.process(detected(ticks, ONE_BOX)))) == 1
    assert [seconds for _, seconds in tracker.updates] == [0.0, 3003 / 90000, 5.0]
    assert all(detections is ONE_BOX for detections, _ in tracker.updates)


def test_a_frame_gets_its_tracks_and_is_not_drawn() -> None:
    item = detected(0, ONE_BOX)
    (tracked,) = Track(RecordingTracker()).process(item)
    assert tracked.frame is item.frame
    assert tracked.tracks.ids.tolist() == [7]
    assert tracked.drawn is None


def test_a_frame_without_detections_still_reaches_the_tracker() -> None:
    tracker = RecordingTracker()
    (tracked,) = Track(tracker).process(detected(9, Detections.empty()))
    assert len(tracker.updates) == 1
    assert len(tracked.tracks) == 0


def test_without_a_tracker_detections_remain_but_have_no_identity() -> None:
    (tracked,) = Track(None).process(detected(0, ONE_BOX))
    assert tracked.tracks.ids.tolist() == [-1]
    assert tracked.tracks.confirmed.class_ids.tolist() == [2]
