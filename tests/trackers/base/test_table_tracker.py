"""The life of a track, by a tracker that matches whatever overlaps most."""

from __future__ import annotations

import numpy as np
import pytest

from detector.detections import Detections, Int64Array
from detector.errors import UsageError
from trackers.base.box_motion import WidthHeight
from trackers.base.table_tracker import TableTracker
from trackers.base.track_table import BoolArray, TrackTable
from trackers.tracks import TrackState

INTERVAL = 0.1


class Nearest(TableTracker[TrackTable]):
    """Matches each track with the first detection that overlaps it; each may start one."""

    def _associate(self, tracks: TrackTable, found: Detections, seconds: float) -> Int64Array:
        partners = np.full(len(tracks), -1, np.int64)
        pairs = self._pairs(self._boxes(tracks), found.boxes_xyxy, tracks, found)
        for row, column in zip(pairs.rows.tolist(), pairs.columns.tolist(), strict=True):
            if partners[row] < 0 and column not in partners:
                partners[row] = column
        return partners

    def _may_start(self, tracks: TrackTable, found: Detections) -> BoolArray:
        return np.ones(len(found), bool)


def tracker(**options: float | bool) -> Nearest:
    given = {"min_hits": 2, "buffer_seconds": 0.5, "class_aware": False, "emit_lost": True}
    return Nearest(WidthHeight(1.0), TrackTable, **(given | options))  # type: ignore[arg-type]


def at(*lefts: float, class_id: int = 0) -> Detections:
    boxes = np.array([[left, 10, left + 40, 90] for left in lefts], np.float32).reshape(-1, 4)
    return Detections(
        boxes, np.full(len(lefts), 0.9, np.float32), np.full(len(lefts), class_id, np.int64)
    )


def states(tracker: Nearest, seen: list[Detections], first: int = 0) -> list[list[int]]:
    """Return the states of the tracks in each frame."""
    return [
        tracker.update(found, (first + number) * INTERVAL).states.tolist()
        for number, found in enumerate(seen)
    ]


CONFIRMED, TENTATIVE, LOST = TrackState.CONFIRMED, TrackState.TENTATIVE, TrackState.LOST


def test_frames_of_a_quiet_scene_count_as_frames() -> None:
    quiet_first = states(tracker(), [at()] * 3 + [at(0)] * 3)
    assert quiet_first == [[], [], [], [TENTATIVE], [TENTATIVE], [CONFIRMED]]
    left = tracker(buffer_seconds=0.15)
    assert states(left, [at(0), at(), at(), at(), at(0)]) == [
        [CONFIRMED],
        [LOST],
        [],
        [],
        [TENTATIVE],
    ]


def test_min_hits_confirm_a_track_but_for_those_of_the_first_frames() -> None:
    one = tracker()
    assert states(one, [at(0)] * 2) == [[CONFIRMED]] * 2
    assert states(one, [at(0, 200)] * 4, first=2) == [
        [CONFIRMED, TENTATIVE],
        [CONFIRMED, TENTATIVE],
        [CONFIRMED, CONFIRMED],
        [CONFIRMED, CONFIRMED],
    ]


def test_a_tentative_track_goes_with_the_first_frame_that_does_not_show_it() -> None:
    one = tracker()
    states(one, [at(0)] * 3)
    assert states(one, [at(0, 200), at(0), at(0)], first=3)[1:] == [[CONFIRMED]] * 2


def test_a_lost_track_is_found_again_within_its_buffer_and_is_another_after_it() -> None:
    for hidden, same in ((5, True), (8, False)):
        one = tracker(min_hits=0)
        first = one.update(at(0), 0.0).ids.tolist()
        one.update(at(), INTERVAL)  # seen no more
        found = one.update(at(0), hidden * INTERVAL).ids.tolist()
        assert (found == first) is same and len(found) == 1


def test_lost_tracks_are_shown_only_where_that_is_asked_for() -> None:
    for shown, expected in ((True, [[CONFIRMED], [LOST]]), (False, [[CONFIRMED], []])):
        assert states(tracker(emit_lost=shown), [at(0), at()]) == expected


def test_an_identity_is_never_given_twice_until_reset() -> None:
    one = tracker(min_hits=0, buffer_seconds=0.15)
    ids = [one.update(at(300 * k), k * INTERVAL * 3).ids.tolist() for k in range(6)]
    confirmed = [each for frame in ids for each in frame]
    assert sorted(set(confirmed)) == list(range(1, 7))
    one.reset()
    assert one.update(at(0), 0.0).ids.tolist() == [1]


@pytest.mark.parametrize("aware", [True, False])
def test_class_awareness_keeps_a_track_from_detections_of_other_classes(aware: bool) -> None:
    one = tracker(min_hits=0, class_aware=aware, emit_lost=False)
    first = one.update(at(0, class_id=0), 0.0)
    second = one.update(at(0, class_id=1), INTERVAL)
    assert (second.ids.tolist() == first.ids.tolist()) is not aware


def test_a_box_without_area_is_no_detection() -> None:
    flat = at(0)
    flat.boxes_xyxy[:, 3] = flat.boxes_xyxy[:, 1]
    assert states(tracker(), [flat]) == [[]]


@pytest.mark.parametrize("options", [{"min_hits": -1}, {"buffer_seconds": 0.0}])
def test_options_that_mean_nothing_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        tracker(**options)
