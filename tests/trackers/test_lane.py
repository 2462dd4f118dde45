"""Lane in simple scenes with known answers, and on real sequences beside ByteTrack."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from statistics import mean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.detections import Detections
from detector.errors import UsageError
from tests.support.crowds import REAL, crowd, real_detections
from tests.support.labelled_sequences import mot15, pets09
from tests.support.lane_twin import Options, SlowLane
from trackers import lane
from trackers.lane import Lane
from trackers.motchallenge.frame_choice import FrameChoice
from trackers.tracks import Tracks, TrackState

Person = tuple[float, float, float, float, float]  # left, top, width, height, score


def people(*seen: Person) -> np.ndarray:
    return np.array([(x, y, x + w, y + h, score) for x, y, w, h, score in seen]).reshape(-1, 5)


def lefts(tracks: Tracks) -> dict[int, float]:
    """Return the left edge of each identity's box."""
    return dict(zip(tracks.ids.tolist(), tracks.boxes_xyxy[:, 0].tolist(), strict=True))


def twin_of_defaults(class_aware: bool) -> SlowLane:
    defaults = Lane.__init__.__kwdefaults__
    assert defaults is not None

    def score(name: str) -> float:
        return float(np.float32(defaults[name]))  # scores are compared in their precision

    return SlowLane(
        Options(
            high=score("high_score"),
            low=score("low_score"),
            new=score("new_score"),
            match=defaults["match_cost"],
            low_match=defaults["low_score_match_cost"],
            tentative_match=defaults["tentative_match_cost"],
            height_weight=defaults["height_weight"],
            foot_weight=defaults["foot_weight"],
            score_weight=defaults["score_weight"],
            reach_per_second=defaults["reach"],
            low_score_seconds=defaults["low_score_seconds"],
            hidden_seconds=defaults["hidden_seconds"],
            buffer_seconds=defaults["buffer_seconds"],
            class_aware=class_aware,
        )
    )


def assert_equal_to_twin(frames: Iterable[tuple[Detections, int]], class_aware: bool) -> int:
    """Compare frame by frame, at whole steps of 1/30 s. Return the number of identities."""
    fast, slow = Lane(class_aware=class_aware), twin_of_defaults(class_aware)
    for detections, step in frames:
        tracks, expected = fast.update(detections, step / 30), slow.update(detections, step)
        assert tracks.ids.tolist() == [track_id for track_id, *_ in expected]
        assert tracks.class_ids.tolist() == [class_id for _, class_id, *_ in expected]
        assert tracks.scores.tolist() == [score for _, _, score, *_ in expected]
        seen = (tracks.states != TrackState.LOST).tolist()
        assert seen == [was_seen for _, _, _, was_seen, _ in expected]
        boxes = np.array([box for *_, box in expected]).reshape(-1, 4)
        np.testing.assert_allclose(tracks.boxes_xyxy, boxes, rtol=1e-4, atol=1e-2)
    return slow.last_id


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.booleans())
def test_a_random_crowd_gets_the_tracks_of_the_slow_twin(
    seed: int, class_count: int, class_aware: bool
) -> None:
    assert_equal_to_twin(crowd(seed, class_count), class_aware)


@pytest.mark.parametrize(("sequence", "steps", "identities"), REAL)
def test_real_detections_get_the_tracks_of_the_slow_twin(
    data: Path, sequence: str, steps: int, identities: int
) -> None:
    frames = real_detections(data, sequence, steps)
    assert assert_equal_to_twin(frames, class_aware=True) >= identities


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_the_detections_does_not_matter(seed: int) -> None:
    random, one, other = np.random.default_rng(seed), Lane(), Lane()
    for detections, step in crowd(seed, 2):
        shuffled = detections[random.permutation(len(detections))]
        first = one.update(detections, step / 30)
        second = other.update(shuffled, step / 30)
        boxes, shuffled_boxes = (t.boxes_xyxy[np.lexsort(t.boxes_xyxy.T)] for t in (first, second))
        np.testing.assert_allclose(boxes, shuffled_boxes, rtol=1e-4, atol=1e-2)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_what_is_given_out_as_confirmed_was_detected_and_what_as_lost_was_confirmed(
    seed: int,
) -> None:
    tracker, ever = Lane(), set[int]()
    for detections, step in crowd(seed, 2):
        tracks = tracker.update(detections, step / 30)
        seen = tracks.states != TrackState.LOST
        assert np.isin(tracks.scores[seen], detections.scores).all()
        assert set(tracks.ids[~seen].tolist()) <= ever
        assert len(set(tracks.confirmed.ids.tolist())) == len(tracks.confirmed)
        ever |= set(tracks.confirmed.ids.tolist())


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


def test_a_low_confidence_detection_does_not_find_a_track_that_was_long_lost() -> None:
    tracker = Lane(low_score_seconds=0.3)
    for k in range(10):
        tracker.update(people((50, 50, 40, 100, 0.9)), k / 25)
    for k in range(10, 20):
        tracker.update(people(), k / 25)
    assert len(tracker.update(people((50, 50, 40, 100, 0.3)), 0.8)) == 0
    assert list(lefts(tracker.update(people((50, 50, 40, 100, 0.9)), 0.84))) == [1]


def with_class(person: Person, class_id: int) -> np.ndarray:
    return np.column_stack((people(person), [[class_id]]))


@pytest.mark.parametrize(
    ("tracked", "class_aware", "starts"),
    [(None, True, True), (0, True, False), (1, True, True), (1, False, False)],
)
def test_the_first_object_of_its_class_starts_a_track_at_a_lower_score(
    tracked: int | None, class_aware: bool, starts: bool
) -> None:
    tracker = Lane(high_score=0.6, new_score=0.7, class_aware=class_aware)
    tracker.update(people(), 0.0)
    for k in range(1, 4):
        if tracked is not None:
            tracker.update(with_class((300, 50, 40, 100, 0.9), tracked), k / 25)
    assert (len(tracker.update(with_class((50, 50, 40, 100, 0.65), 0), 0.2)) == 1) is starts


def test_in_the_first_frame_every_track_needs_new_score() -> None:
    assert len(Lane(new_score=0.7).update(people((50, 50, 40, 100, 0.65)), 0.0)) == 0


@pytest.mark.parametrize("near", [False, True])
def test_a_track_and_a_detection_with_nothing_else_near_them_match_at_a_higher_cost(
    near: bool,
) -> None:
    tracker = Lane(match_cost=0.55)
    other = (150.0 if near else 400.0, 100.0, 40.0, 100.0, 0.9)
    for k in range(10):
        tracker.update(people((100, 100, 40, 100, 0.9), other), k / 30)
    tracks = tracker.update(people((113, 100, 40, 100, 0.8)), 1 / 3)
    assert (1 in tracks.confirmed.ids) is not near


@pytest.mark.parametrize(("rate", "credit", "found"), [(30, 0.12, 0), (10, 0.0, 0), (10, 0.12, 1)])
def test_below_13_frames_per_second_a_match_may_cost_more(
    monkeypatch: pytest.MonkeyPatch, rate: int, credit: float, found: int
) -> None:
    monkeypatch.setattr(lane, "SLOW_CREDIT", credit)
    tracker = Lane(match_cost=0.55, reach=0.0)
    for k in range(10):
        tracker.update(people((100, 100, 40, 100, 0.9), (150, 100, 40, 100, 0.9)), k / rate)
    tracks = tracker.update(people((115, 100, 40, 100, 0.8)), 10 / rate)
    assert tracks.confirmed.ids.tolist() == [1] * found


def test_the_box_of_a_track_lies_between_prediction_and_detection_and_nearer_to_the_latter() -> (
    None
):
    tracker = Lane()
    for k in range(30):
        (box,) = tracker.update(people((100, 100, 40, 100, 0.9)), k / 30).boxes_xyxy
    assert box == pytest.approx([100, 100, 140, 200], abs=0.01)
    (box,) = tracker.update(people((108, 100, 40, 100, 0.9)), 1.0).boxes_xyxy
    assert 104 < box[0] < 108
    (predicted,) = tracker.update(None, 1.0).boxes_xyxy
    assert predicted == pytest.approx(box, abs=0.01)


def test_who_is_hidden_behind_another_is_returned_as_lost_for_a_moment() -> None:
    front, behind = (100.0, 100.0, 60.0, 150.0, 0.9), (104.0, 100.0, 50.0, 140.0, 0.8)
    tracker = Lane(hidden_seconds=0.3)
    for k in range(10):
        tracker.update(people(front, behind), k / 30)
    lost = []
    for k in range(10, 30):
        tracks = tracker.update(people(front), k / 30)
        assert tracks.confirmed.ids.tolist() == [1]
        lost.append(TrackState.LOST in tracks.states.tolist())
    assert lost == [True] * 9 + [False] * 11  # seen last at 9 / 30 s


def test_who_vanishes_where_nobody_hides_them_is_not_returned() -> None:
    tracker = Lane()
    for k in range(10):
        tracker.update(people((100, 100, 60, 150, 0.9), (300, 100, 60, 150, 0.9)), k / 30)
    assert list(lefts(tracker.update(people((100, 100, 60, 150, 0.9)), 1 / 3))) == [1]


def test_of_two_equal_boxes_at_one_distance_the_one_on_the_ground_of_the_track_is_taken() -> None:
    tracker = Lane(height_weight=0.0)
    for k in range(10):
        tracker.update(people((100, 100, 40, 100, 0.9)), k / 30)
    beside, above = (106.0, 100.0, 40.0, 100.0, 0.9), (100.0, 86.0, 40.0, 100.0, 0.9)
    tracks = tracker.update(people(above, beside), 1 / 3)
    assert lefts(tracks)[1] > 101


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
        ({"hidden_seconds": -1.0}, "hidden_seconds -1.0"),
        ({"height_weight": float("nan")}, "height_weight nan"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, float], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Lane(**options)  # type: ignore[arg-type]


@pytest.mark.timeout(600)  # scores many frames: minutes on a busy machine
def test_lane_is_better_than_bytetrack_on_all_sequences_but_two_at_most(data: Path) -> None:
    sequences = mot15(data)
    lane, bytetrack = (
        [s.scores_by_seconds(name, FrameChoice()).hota.hota for s in sequences]
        for name in ("lane", "bytetrack")
    )
    assert len(sequences) == 11
    assert sum(a < b for a, b in zip(lane, bytetrack, strict=True)) <= 2
    assert mean(lane) > mean(bytetrack) + 0.015


@pytest.mark.timeout(600)  # scores many frames: minutes on a busy machine
def test_on_every_third_frame_lane_beats_bytetrack_on_all_and_seconds_keep_more_than_counts(
    data: Path,
) -> None:
    all_frames, third = FrameChoice(), FrameChoice(keep_every=3)
    for sequence in pets09(data):
        bytetrack, counts = (
            [scores(choice).hota.hota for choice in (third, all_frames)]
            for scores in (
                partial(sequence.scores_by_seconds, "bytetrack"),
                sequence.scores_by_frame_counts,
            )
        )
        assert sequence.scores_by_seconds("lane", third).hota.hota > bytetrack[1] + 0.05
        assert bytetrack[0] / bytetrack[1] > counts[0] / counts[1]
