"""Lane in simple scenes with known answers, and on real sequences beside ByteTrack."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from statistics import mean

import numpy as np
import pytest

from detector.errors import UsageError
from tests.support.labelled_sequences import mot15, pets09
from trackers.lane import Lane
from trackers.motchallenge.frame_choice import FrameChoice
from trackers.tracks import Tracks

Person = tuple[float, float, float, float, float]  # left, top, width, height, score


def people(*seen: Person) -> np.ndarray:
    return np.array([(x, y, x + w, y + h, score) for x, y, w, h, score in seen]).reshape(-1, 5)


def lefts(tracks: Tracks) -> dict[int, float]:
    """Return the left edge of each identity's box."""
    return dict(zip(tracks.ids.tolist(), tracks.boxes_xyxy[:, 0].tolist(), strict=True))


@pytest.mark.parametrize("rate", [2, 3, 5, 30])
def test_a_person_who_moves_more_than_a_box_width_between_frames_is_followed(rate: int) -> None:
    """100 pixels per second, 40 wide: at 2 frames per second the boxes do not even touch."""
    tracker = Lane()
    for k in range(6 * rate):
        tracks = tracker.update(people((100 * k / rate, 50, 40, 100, 0.9)), k / rate)
    assert list(lefts(tracks)) == [1]


def test_a_low_confidence_detection_finds_a_lost_track() -> None:
    tracker = Lane()
    for k in range(10):
        tracker.update(people((50, 50, 40, 100, 0.9)), k / 25)
    tracker.update(people(), 0.4)
    assert list(lefts(tracker.update(people((50, 50, 40, 100, 0.3)), 0.44))) == [1]


def test_two_people_in_one_place_are_told_apart_by_height() -> None:
    """An adult and a child: by overlap of areas alone, either detection fits either track."""
    adult, child = (100.0, 100.0, 40.0, 120.0, 0.9), (140.0, 150.0, 45.0, 70.0, 0.9)
    tracker = Lane()
    for k in range(10):
        tracker.update(people(adult, child), k / 25)
    tall, small = (112.0, 100.0, 40.0, 120.0, 0.9), (116.0, 150.0, 45.0, 70.0, 0.9)
    tracks = tracker.update(people(small, tall), 0.4)
    heights = dict(zip(tracks.ids.tolist(), np.diff(tracks.boxes_xyxy[:, 1::2])[:, 0], strict=True))
    assert heights[1] == pytest.approx(120, abs=5)
    assert heights[2] == pytest.approx(70, abs=5)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"high_score": 0.05}, "high_score 0.05"),
        ({"low_score_match_cost": 0.0}, "low_score_match_cost 0.0"),
        ({"reach": -1.0}, "reach -1.0"),
        ({"height_weight": float("nan")}, "height_weight nan"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, float], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Lane(**options)  # type: ignore[arg-type]


def test_lane_is_better_than_bytetrack_on_all_sequences_but_two_at_most(data: Path) -> None:
    sequences = mot15(data)
    lane, bytetrack = (
        [s.scores_by_seconds(name, FrameChoice()).hota.hota for s in sequences]
        for name in ("lane", "bytetrack")
    )
    assert len(sequences) == 11
    assert sum(a < b for a, b in zip(lane, bytetrack, strict=True)) <= 2
    assert mean(lane) > mean(bytetrack) + 0.015


def test_on_every_third_frame_lane_keeps_its_hota_and_seconds_keep_more_than_frame_counts(
    data: Path,
) -> None:
    all_frames, third = FrameChoice(), FrameChoice(keep_every=3)
    for sequence in pets09(data):
        lane, bytetrack, frame_counts = (
            scores(third).hota.hota / scores(all_frames).hota.hota
            for scores in (
                partial(sequence.scores_by_seconds, "lane"),
                partial(sequence.scores_by_seconds, "bytetrack"),
                sequence.scores_by_frame_counts,
            )
        )
        assert lane >= 0.9
        assert bytetrack > frame_counts
