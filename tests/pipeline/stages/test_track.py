"""Tracking in the pipeline: the tracker gets detections and times, the frame gets the tracks."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from detector.detections import Detections
from pipeline.attention.attention import Attention
from pipeline.attention.config import AttentionConfig
from pipeline.frames.decision import Decision, Reason
from pipeline.frames.frame import Frame
from pipeline.frames.picture import Picture
from pipeline.frames.result import Detected
from pipeline.frames.stream import Stream
from pipeline.stages.track import Track
from trackers import make_tracker
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
        self, detections: DetectionsLike | None, seconds: float, camera: Affine | None = None
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


def test_a_frame_that_rests_gets_the_predicted_tracks_that_are_still_inside_of_it() -> None:
    attention = Attention(AttentionConfig(mode="on"))
    stage = Track(make_tracker("sort"), None, attention)
    looked = Decision(Reason.MOVEMENT, 1.0)
    for ticks in range(5):  # it walks to the right, 8 pixels in 0.1 s
        place = np.array([[8.0 * ticks, 10, 8.0 * ticks + 20, 50]], np.float32)
        found = Detections(place, np.array([0.9], np.float32), np.array([0], np.int64))
        (seen,) = stage.process(Detected(walking(ticks, looked), found))
    (rest,) = stage.process(Detected(walking(6, Decision(Reason.QUIET)), Detections.empty()))
    assert rest.tracks.ids.tolist() == seen.tracks.ids.tolist()
    assert abs(rest.tracks.boxes_xyxy[0, 0] - 48) < 4
    (gone,) = stage.process(Detected(walking(20, Decision(Reason.QUIET)), Detections.empty()))
    assert len(gone.tracks) == 0  # it would be at 160, and the frame is 100 wide
    assert attention.counts == {Reason.MOVEMENT: 5, Reason.QUIET: 2}


def walking(ticks: int, decision: Decision) -> Frame:
    picture = Picture.of(np.zeros((60, 100, 3), np.uint8))
    return Frame(STREAM, ticks, None, ticks, Fraction(1, 10), 0.0, picture, decision=decision)
