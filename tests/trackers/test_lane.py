"""Lane in scenes that can be thought through, and on real sequences beside ByteTrack."""

from __future__ import annotations

from pathlib import Path
from statistics import mean

import numpy as np
import pytest

from benchmarks.trackers.material import Material, mot15, pets09
from benchmarks.trackers.time import COUNTED, score
from detector.errors import UsageError
from trackers import make_tracker
from trackers.lane import Lane
from trackers.motchallenge.frame_choice import FrameChoice
from trackers.tracks import Tracks

Person = tuple[float, float, float, float, float]  # left, top, width, height, score


def people(*seen: Person) -> np.ndarray:
    return np.array([(x, y, x + w, y + h, score) for x, y, w, h, score in seen]).reshape(-1, 5)


def lefts(tracks: Tracks) -> dict[int, float]:
    """Return where each identity is, its left edge."""
    return dict(zip(tracks.ids.tolist(), tracks.boxes_xyxy[:, 0].tolist(), strict=True))


@pytest.mark.parametrize("rate", [2, 3, 5, 30])
def test_who_moves_by_more_than_a_box_between_pictures_is_followed(rate: int) -> None:
    """100 pixels a second, 40 wide: at 2 pictures a second boxes do not even touch."""
    tracker = Lane()
    for k in range(6 * rate):
        tracks = tracker.update(people((100 * k / rate, 50, 40, 100, 0.9)), k / rate)
    assert list(lefts(tracks)) == [1]


def test_a_weak_detection_finds_a_lost_track() -> None:
    tracker = Lane()
    for k in range(10):
        tracker.update(people((50, 50, 40, 100, 0.9)), k / 25)
    tracker.update(people(), 0.4)
    assert list(lefts(tracker.update(people((50, 50, 40, 100, 0.3)), 0.44))) == [1]


def test_of_two_on_one_place_each_stays_as_tall_as_before() -> None:
    """Side by side at last, an adult and a child: by area alone each is as much the other."""
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


def hota(name: str, material: Material) -> float:
    tracker = make_tracker(name)
    return material.scores(tracker, material.frames, material.frame_rate).hota.hota


def test_lane_is_better_than_bytetrack_on_all_sequences_but_two_at_most(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAMELANE_DATA", str(data))
    sequences = mot15()
    lane, bytetrack = ([hota(name, s) for s in sequences] for name in ("lane", "bytetrack"))
    assert len(sequences) == 11
    assert sum(a < b for a, b in zip(lane, bytetrack, strict=True)) <= 2
    assert mean(lane) > mean(bytetrack) + 0.015


def test_of_every_third_frame_lane_makes_nearly_as_much_and_seconds_are_worth_their_while(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAMELANE_DATA", str(data))
    third = FrameChoice(keep_every=3)
    for material in pets09():
        kept = {
            name: score(name, material, third).hota.hota
            / score(name, material, FrameChoice()).hota.hota
            for name in ("lane", "bytetrack", COUNTED)
        }
        assert kept["lane"] >= 0.9
        assert kept["bytetrack"] > kept[COUNTED]
