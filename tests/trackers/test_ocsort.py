"""OC-SORT in simple scenes with known answers."""

from __future__ import annotations

import numpy as np
import pytest

from detector.errors import UsageError
from tests.support.sort_filter import SortFilter
from trackers import make_tracker
from trackers.ocsort import OcSort
from trackers.tracks import Tracks, TrackState

Box = tuple[float, float]  # left, top of 40 x 100


def seen(*corners: Box, score: float = 0.9) -> np.ndarray:
    return np.array([(x, y, x + 40, y + 100, score) for x, y in corners]).reshape(-1, 5)


def ids(tracks: Tracks) -> list[int]:
    return list(tracks.ids.tolist())


def test_output_boxes_are_those_of_the_detections() -> None:
    tracker, random = OcSort(), np.random.default_rng(0)
    for k in range(20):
        detections = seen((100 + 5 * k + random.normal(0, 3), 50), (400, 60))
        tracks = tracker.update(detections, k / 25)
        np.testing.assert_array_equal(tracks.boxes_xyxy, detections[:, :4].astype(np.float32))


def test_a_track_found_again_is_tentative_at_first_and_keeps_its_identity() -> None:
    tracker = OcSort(min_hits=2)
    for k in range(10):
        tracker.update(seen((100, 50)), k / 25)
    tracker.update(seen(), 10 / 25)
    states = [tracker.update(seen((100, 50)), k / 25) for k in range(11, 14)]
    assert [ids(tracks) for tracks in states] == [[1], [1], [1]]
    assert [tracks.states[0] for tracks in states] == [
        TrackState.TENTATIVE,
        TrackState.CONFIRMED,
        TrackState.CONFIRMED,
    ]


def test_a_person_who_stopped_behind_something_is_found_by_the_last_observation() -> None:
    """The prediction moves on by 120 pixels while the person stands behind a post."""
    tracker, sort = OcSort(), make_tracker("sort", buffer_seconds=1.0)
    for k in range(25):
        for each in (tracker, sort):
            each.update(seen((100 + 8 * k, 50)), k / 25)
    for k in range(25, 40):
        for each in (tracker, sort):
            each.update(seen(), k / 25)
    assert ids(tracker.update(seen((295, 50)), 40 / 25)) == [1]
    assert ids(sort.update(seen((295, 50)), 40 / 25)) == [-1]


def test_the_filter_of_a_track_found_again_is_updated_along_a_straight_line() -> None:
    """It equals a reference filter that gets a measurement at each step of the line."""
    tracker, path = OcSort(), [(100.0 + 4 * k, 50.0) for k in range(20)]
    slow = SortFilter(seen(path[0])[0, :4].tolist())
    for k, corner in enumerate(path):
        tracker.update(seen(corner), k / 30)
        if k:
            slow.predict()
            slow.correct(seen(corner)[0, :4].tolist())
    for k in range(20, 29):
        tracker.update(seen(), k / 30)
    assert ids(tracker.update(seen((156, 52)), 29 / 30)) == [1]  # 20 pixels back, 10 steps later
    for step in range(1, 11):
        slow.predict()
        slow.correct(seen((176 - 2 * step, 50 + 0.2 * step))[0, :4].tolist())
    position, velocity = tracker._tracks.kalman.planes[:2, :, 0]
    np.testing.assert_allclose([*position, *velocity[:3]], slow.mean, rtol=1e-4, atol=1e-3)


def test_the_direction_decides_between_two_equal_overlaps() -> None:
    """Two people meet: each detection overlaps both predictions equally."""
    tracker = OcSort(momentum=1.0)
    for k in range(10):
        tracker.update(seen((100 + 6 * k, 50), (220 - 6 * k, 58)), k / 25)
    tracks = tracker.update(seen((160 + 6, 50), (160 - 6, 58)), 10 / 25)
    assert dict(zip(ids(tracks), tracks.boxes_xyxy[:, 0].tolist(), strict=True)) == {1: 166, 2: 154}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"min_score": 1.1}, "min_score 1.1"),
        ({"min_iou": 0.0}, "min_iou 0.0"),
        ({"momentum": -1.0}, "momentum -1.0"),
        ({"heading_seconds": 0.0}, "heading_seconds 0.0"),
        ({"min_hits": -1}, "min_hits -1"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, float], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        OcSort(**options)  # type: ignore[arg-type]
