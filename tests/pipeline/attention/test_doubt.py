"""Which detections no track explains."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from detector.detections import Detections
from pipeline.attention.doubt import doubtful
from trackers.tracks import Tracks, TrackState

WALKER, HER_BICYCLE, FAR_AWAY = (100, 100, 140, 200), (95, 150, 165, 205), (400, 50, 430, 90)
PERSON, BICYCLE = 0, 1


def found(*rows: tuple[tuple[int, ...], float, int]) -> Detections:
    boxes, scores, classes = zip(*rows, strict=True)
    return Detections(
        np.array(boxes, np.float32), np.array(scores, np.float32), np.array(classes, np.int64)
    )


def tracked(state: TrackState = TrackState.CONFIRMED) -> Tracks:
    """Return one track, of the walker."""
    one = Tracks.untracked(found((WALKER, 0.9, PERSON)))
    return replace(one, ids=np.array([7]), states=np.array([state], np.int8))


def test_a_detection_without_a_track_is_doubtful_unless_its_score_is_tiny() -> None:
    both = found((FAR_AWAY, 0.4, PERSON), ((600, 50, 630, 90), 0.1, PERSON))
    assert doubtful(both, tracked()).tolist() == [list(FAR_AWAY)]


def test_a_track_explains_what_is_found_of_its_class_where_it_is() -> None:
    near = tuple(np.add(WALKER, 8).tolist())
    assert len(doubtful(found((near, 0.4, PERSON)), tracked())) == 0
    assert len(doubtful(found((near, 0.4, PERSON)), tracked(TrackState.TENTATIVE))) == 0


def test_a_track_explains_nothing_of_another_class() -> None:
    both = found((WALKER, 0.9, PERSON), (HER_BICYCLE, 0.4, BICYCLE))
    assert doubtful(both, tracked()).tolist() == [list(HER_BICYCLE)]


def test_a_lost_track_explains_nothing() -> None:
    assert len(doubtful(found((WALKER, 0.4, PERSON)), tracked(TrackState.LOST))) == 1


def test_without_detections_there_is_no_doubt() -> None:
    assert doubtful(Detections.empty(), tracked()).shape == (0, 4)
    assert len(doubtful(found((WALKER, 0.4, PERSON)), tracked()[:0])) == 1
