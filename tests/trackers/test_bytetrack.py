"""ByteTrack, against a slow twin, and in simple scenes with known answers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.detections import Detections
from detector.errors import UsageError
from tests.support.bytetrack_twin import SlowByteTrack
from tests.support.crowds import REAL, crowd, real_detections
from trackers.bytetrack import ByteTrack
from trackers.tracks import Tracks, TrackState

Person = tuple[float, float, float, int]  # left, top, score, class


def people(*present: Person) -> Detections:
    """Return detections of 40 x 100 boxes."""
    boxes = np.array([(x, y, x + 40, y + 100) for x, y, _, _ in present], np.float32)
    return Detections(
        boxes.reshape(-1, 4),
        np.array([score for _, _, score, _ in present], np.float32),
        np.array([class_id for *_, class_id in present], np.int64),
    )


def ids(tracks: Tracks) -> list[int]:
    return list(tracks.confirmed.ids.tolist())


def assert_equal_to_twin(frames: Iterable[tuple[Detections, int]], class_aware: bool) -> int:
    """Compare frame by frame, at whole steps of 1/30 s. Return the number of identities."""
    fast, slow = ByteTrack(class_aware=class_aware), SlowByteTrack(class_aware=class_aware)
    for detections, step in frames:
        tracks, expected = fast.update(detections, step / 30), slow.update(detections, step)
        assert tracks.ids.tolist() == [track_id for track_id, *_ in expected]
        assert tracks.class_ids.tolist() == [class_id for _, class_id, *_ in expected]
        assert tracks.scores.tolist() == [score for *_, score, _ in expected]
        boxes = np.array([box for *_, box in expected]).reshape(-1, 4)
        np.testing.assert_allclose(tracks.boxes_xyxy, boxes, rtol=1e-5, atol=1e-3)
    return slow.last_id


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.booleans())
def test_a_random_crowd_gets_the_identities_of_the_slow_twin(
    seed: int, class_count: int, class_aware: bool
) -> None:
    assert_equal_to_twin(crowd(seed, class_count), class_aware)


@pytest.mark.parametrize(("sequence", "steps", "identities"), REAL)
def test_real_detections_get_the_identities_of_the_slow_twin(
    data: Path, sequence: str, steps: int, identities: int
) -> None:
    frames = real_detections(data, sequence, steps)
    assert assert_equal_to_twin(frames, class_aware=True) > identities


def test_tracks_of_the_first_frame_are_confirmed_at_once_and_later_ones_when_seen_again() -> None:
    tracker = ByteTrack()
    old, new, brief = (50, 50, 0.9, 0), (300, 50, 0.9, 0), (500, 50, 0.9, 0)
    assert ids(tracker.update(people(old), 0.0)) == [1]
    tracks = tracker.update(people(old, brief, new), 0.1)
    assert tracks.ids.tolist() == [1, -1, -1]
    tentative, confirmed = TrackState.TENTATIVE, TrackState.CONFIRMED
    assert tracks.states.tolist() == [confirmed, tentative, tentative]
    tracks = tracker.update(people(old, new), 0.2)
    assert tracks.ids.tolist() == [1, 2]  # the track seen once used no identity
    assert tracks.states.tolist() == [confirmed, confirmed]


def test_a_low_confidence_detection_keeps_a_track_and_starts_none() -> None:
    tracker = ByteTrack()
    tracker.update(people((50, 50, 0.9, 0)), 0.0)
    for k in range(1, 30):
        tracks = tracker.update(people((50, 50, 0.15, 0), (300, 50, 0.45, 0)), k / 25)
        assert tracks.ids.tolist() == [1]
    assert tracks.scores.tolist() == [np.float32(0.15)]


def test_a_low_confidence_detection_does_not_find_a_lost_track() -> None:
    tracker = ByteTrack()
    tracker.update(people((50, 50, 0.9, 0)), 0.0)
    tracker.update(people(), 0.1)
    assert ids(tracker.update(people((50, 50, 0.4, 0)), 0.2)) == []
    assert ids(tracker.update(people((50, 50, 0.7, 0)), 0.3)) == [1]


@pytest.mark.parametrize("rate", [4, 7.5, 10, 25, 30, 60])
@pytest.mark.parametrize(("absent_seconds", "same"), [(0.6, True), (1.6, False)])
def test_the_buffer_is_in_seconds_at_any_frame_rate(
    rate: float, absent_seconds: float, same: bool
) -> None:
    tracker = ByteTrack(buffer_seconds=1.0)
    there, times = (50.0, 50.0, 0.9, 0), np.arange(0, 8, 1 / rate)
    for t in times:
        absent = 3 < t < 3 + absent_seconds
        tracks = tracker.update(people() if absent else people(there), float(t))
    assert ids(tracks) == ([1] if same else [2])


def test_a_track_may_return_after_exactly_its_buffer_though_times_are_rounded() -> None:
    tracker = ByteTrack(buffer_seconds=1.0)
    for k in range(13, 24):
        detections = people((50, 50, 0.9, 0)) if k in (13, 23) else people()
        tracks = tracker.update(detections, k * 0.1)
    assert 23 * 0.1 - 13 * 0.1 > 1
    assert ids(tracks) == [1]


@pytest.mark.parametrize("interval", [0.04, 3.0, 600.0])
def test_a_track_is_confirmed_by_the_next_frame_however_late_it_comes(
    interval: float,
) -> None:
    tracker = ByteTrack(buffer_seconds=1.0)
    parked, new = (50, 50, 0.9, 2), (300, 50, 0.9, 0)
    tracker.update(people(parked), 0.0)
    assert ids(tracker.update(people(parked, new), interval)) == [1]
    assert ids(tracker.update(people(parked, new), 2 * interval)) == [1, 2]


def test_after_a_gap_a_track_seen_before_it_goes_on_and_one_lost_before_it_is_new() -> None:
    tracker = ByteTrack(buffer_seconds=1.0)
    parked, hidden = (50, 50, 0.9, 2), (300, 50, 0.9, 0)
    for k in range(10):
        tracker.update(people(parked, hidden), k / 25)
    tracker.update(people(parked), 0.4)
    for k in range(2):
        tracks = tracker.update(people(parked, hidden), 60 + k / 25)
    assert ids(tracks) == [1, 3]


@pytest.mark.parametrize("keep_every", [1, 2, 3, 5])
@pytest.mark.parametrize("hidden", [False, True])
def test_two_people_who_cross_keep_their_identities(keep_every: int, hidden: bool) -> None:
    """Both walk at 120 pixels per second; in one case the one behind is hidden for a while."""
    tracker = ByteTrack()
    for k in range(0, 150, keep_every):
        left, right = 4.0 * k, 600 - 4.0 * k
        both = [(left, 100.0, 0.9, 0), (right, 110.0, 0.8, 0)]
        behind = hidden and abs(left - right) < 30
        tracks = tracker.update(people(*both[: 1 if behind else 2]), k / 30)
    assert dict(zip(tracks.ids.tolist(), tracks.boxes_xyxy[:, 0].tolist(), strict=True)) == {
        1: pytest.approx(left, abs=12),
        2: pytest.approx(right, abs=12),
    }


def test_classes_are_kept_apart() -> None:
    tracker = ByteTrack()
    rider, bicycle = (50, 50, 0.9, 0), (52, 55, 0.8, 1)
    for k in range(5):
        tracks = tracker.update(people(rider, bicycle)[:: 1 if k % 2 else -1], k / 25)
    assert dict(zip(tracks.class_ids.tolist(), tracks.ids.tolist(), strict=True)) == {0: 2, 1: 1}


def test_a_lost_track_is_no_duplicate_of_one_of_another_class() -> None:
    tracker = ByteTrack()
    driver, car = (50, 50, 0.9, 0), (50, 50, 0.9, 2)
    tracker.update(people(driver, car), 0.0)
    assert ids(tracker.update(people(car), 0.1)) == [2]
    assert ids(tracker.update(people(car, driver), 0.2)) == [1, 2]


def test_a_track_changes_its_class_only_if_the_tracker_is_not_class_aware() -> None:
    for class_aware, expected in ((True, []), (False, [(1, 1)])):
        tracker = ByteTrack(class_aware=class_aware)
        tracker.update(people((50, 50, 0.9, 0)), 0.0)
        tracks = tracker.update(people((50, 50, 0.9, 1)), 0.1).confirmed
        assert list(zip(tracks.ids.tolist(), tracks.class_ids.tolist(), strict=True)) == expected


def test_a_younger_track_in_the_place_of_a_lost_one_is_a_duplicate() -> None:
    tracker = ByteTrack(match_cost=0.2)  # a score of 0.75 then finds no lost track
    for k in range(10):
        tracker.update(people((50, 50, 0.9, 0)), k / 25)
    tracker.update(people(), 0.40)
    assert len(tracker.update(people((50, 50, 0.75, 0)), 0.44)) == 0
    assert ids(tracker.update(people((50, 50, 0.9, 0)), 0.48)) == [1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"low_score": 0.7}, "low_score 0.7, high_score 0.6"),
        ({"new_score": 1.5}, "new_score 1.5"),
        ({"match_cost": 0.0}, "match_cost 0.0"),
        ({"low_score_match_cost": 1.1}, "low_score_match_cost 1.1"),
        ({"buffer_seconds": 0.0}, "buffer_seconds 0.0"),
        ({"buffer_seconds": float("nan")}, "buffer_seconds nan"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, float], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        ByteTrack(**options)  # type: ignore[arg-type]
