"""Tracks backwards in time complete tracks forwards, and join them."""

from __future__ import annotations

import numpy as np

from trackers.motchallenge.text import MotRows, Origin
from trackers.refinement.both_ways import completed
from trackers.refinement.tracklets import Tracklets

RATE = 20.0


def standing(identity: int, frames: range, left: float = 0.0) -> MotRows:
    """Return a track that stands still."""
    n = len(frames)
    boxes = np.tile([left, 0.0, left + 50, 100], (n, 1))
    return MotRows(
        np.array(frames), np.full(n, identity), boxes, np.full(n, 0.9), np.zeros(n, np.int64)
    )


def together(*tracks: MotRows) -> MotRows:
    rows = MotRows.concatenated(tracks)
    return rows[np.lexsort((rows.ids, rows.frames))]


def both(forward: MotRows, backward: MotRows) -> Tracklets:
    return completed(forward, backward, forward.frames / RATE, backward.frames / RATE)


def frames_by_identity(tracklets: Tracklets) -> dict[int, list[int]]:
    rows = tracklets.result.rows
    return {k: rows.frames[rows.ids == k].tolist() for k in np.unique(rows.ids).tolist()}


def test_a_track_begins_as_early_as_backwards_and_ends_as_late() -> None:
    found = both(standing(1, range(10, 30)), standing(7, range(5, 40)))
    assert frames_by_identity(found) == {1: list(range(5, 40))}
    origins = dict(
        zip(found.result.rows.frames.tolist(), found.result.origins.tolist(), strict=True)
    )
    assert [frame for frame, origin in origins.items() if origin == Origin.LINKED] == [
        *range(5, 10),
        *range(30, 40),
    ]


def test_two_tracks_that_are_one_backwards_are_one() -> None:
    found = both(
        together(standing(1, range(20)), standing(2, range(30, 50))), standing(7, range(50))
    )
    assert frames_by_identity(found) == {1: list(range(50))}
    assert found.parts.tolist() == [1] * 20 + [-1] * 10 + [2] * 20


def test_two_tracks_at_the_same_time_stay_two() -> None:
    one, other = standing(1, range(30)), standing(2, range(20, 50), left=300)
    backward = together(standing(7, range(20)), standing(7, range(30, 50), left=300))
    assert frames_by_identity(both(together(one, other), backward)) == {
        1: list(range(30)),
        2: list(range(20, 50)),
    }


def test_what_was_seen_only_backwards_is_left_out() -> None:
    found = both(
        standing(1, range(30)), together(standing(7, range(30)), standing(8, range(30), 500))
    )
    assert frames_by_identity(found) == {1: list(range(30))}


def test_a_track_backwards_that_changes_in_the_middle_of_another_adds_nothing_to_it() -> None:
    one, other = standing(1, range(40)), standing(2, range(40), left=300)
    backward = together(standing(7, range(20)), standing(7, range(20, 60), left=300))
    found = both(together(one, other), backward)
    assert frames_by_identity(found) == {1: list(range(40)), 2: list(range(60))}


def test_without_tracks_nothing_is_found() -> None:
    nothing = standing(1, range(0))
    assert len(both(nothing, standing(7, range(30))).result.rows) == 0
    assert frames_by_identity(both(standing(1, range(3)), nothing)) == {1: [0, 1, 2]}
