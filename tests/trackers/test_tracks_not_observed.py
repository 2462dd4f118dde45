"""Frames that nobody observed: tracks are predicted, and the tracker is as if they had not been."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.detections import Detections
from tests.support.crowds import crowd
from trackers import TRACKERS, make_tracker
from trackers.tracks import Tracks, TrackState

STEP = 1 / 30
every_tracker = pytest.mark.parametrize("name", sorted(TRACKERS))


def walkers(number: int) -> Detections:
    """Return three people who walk at constant speed, after so many steps of 1/30 s."""
    left = np.array([[50.0], [200.0], [420.0]]) + np.array([[3.0], [-2.0], [0.0]]) * number
    boxes = np.hstack((left, np.full((3, 1), 50.0), left + 40, np.full((3, 1), 150.0)))
    return Detections(boxes.astype(np.float32), np.full(3, 0.9, np.float32), np.zeros(3, np.int64))


def same(one: Tracks, other: Tracks) -> bool:
    fields = ("boxes_xyxy", "scores", "class_ids", "ids", "states")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in fields)


@every_tracker
@given(seed=st.integers(0, 10_000), rests=st.lists(st.integers(0, 3), min_size=30, max_size=30))
@settings(max_examples=15, deadline=None)
def test_a_tracker_is_as_if_frames_that_were_not_observed_had_not_been(
    name: str, seed: int, rests: list[int]
) -> None:
    resting, plain = make_tracker(name), make_tracker(name)
    times: Iterator[tuple[Detections, int]] = crowd(seed, 2)
    for (found, step), count in zip(times, rests, strict=True):
        seconds = step * STEP
        tracks = resting.update(found, seconds)
        assert same(tracks, plain.update(found, seconds))
        for k in range(count):
            predicted = resting.update(None, seconds + (k + 1) * STEP / 4)
            assert predicted.ids.tolist() == tracks[tracks.states != TrackState.LOST].ids.tolist()


@every_tracker
def test_a_prediction_starts_where_the_last_box_was(name: str) -> None:
    tracker = make_tracker(name)
    for number in range(12):
        tracks = tracker.update(walkers(number + number % 2), number * STEP)
    predicted = tracker.update(None, 11 * STEP)
    assert np.abs(predicted.boxes_xyxy - tracks.boxes_xyxy).max() < 0.01


@every_tracker
def test_predicted_boxes_go_on_as_the_objects_did(name: str) -> None:
    tracker = make_tracker(name)
    looked_at = {*range(10), 14, 19, 24, 29}
    identities = set()
    for number in range(30):
        found = walkers(number)
        tracks = tracker.update(found if number in looked_at else None, number * STEP)
        if number < 10:
            continue
        assert (tracks.states == TrackState.CONFIRMED).all()
        order = np.argsort(tracks.boxes_xyxy[:, 0])
        identities.add(tuple(tracks.ids[order].tolist()))
        wanted = found.boxes_xyxy[np.argsort(found.boxes_xyxy[:, 0])]
        assert np.abs(tracks.boxes_xyxy[order] - wanted).max() < 2.5
    assert len(identities) == 1


@every_tracker
def test_without_tracks_there_is_nothing_to_predict(name: str) -> None:
    tracker = make_tracker(name)
    assert len(tracker.update(None, 0.0)) == 0
    assert len(tracker.update(walkers(0), 0.1)) == 3
    assert len(tracker.update(Detections.empty(), 0.2).confirmed) == 0
    assert len(tracker.update(None, 0.3).confirmed) == 0
