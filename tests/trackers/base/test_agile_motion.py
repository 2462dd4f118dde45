"""Noise that depends on the score, and on how well a track was predicted so far."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackers.base.agile_motion import (
    EXPECTED_SURPRISE,
    MAX_AGILITY,
    MIN_AGILITY,
    AgileWidthHeight,
)

BOX = np.array([[100, 100, 140, 200]], np.float32)
MOVED = BOX + np.float32(10)
ONE = np.array([0])
SEEN = np.ones(1, bool)


def centre(score: float) -> float:
    """Return where a track is that moved by 10 pixels, by a detection with this score."""
    motion = AgileWidthHeight()
    state = motion.predict(motion.start(BOX), 1 / 30, SEEN)
    state, _ = motion.corrected(state, ONE, MOVED, np.array([score]))
    return float(state.position[0, 0])


def test_the_lower_the_score_the_less_a_detection_moves_its_track() -> None:
    scores = [0.1, 0.3, 0.5, 0.7, 0.9]
    centres = [centre(score) for score in scores]
    assert centres == sorted(centres)
    assert 120 < centres[0] < centres[-1] < 130


def test_a_more_agile_track_is_less_certain_of_where_it_will_be() -> None:
    motion = AgileWidthHeight()
    start = motion.start(BOX)
    calm, agile = (
        motion.predict(start, 0.1, SEEN, np.array([agility])).planes[2, 0, 0]
        for agility in (MIN_AGILITY, MAX_AGILITY)
    )
    assert calm < agile


def test_a_track_that_is_not_seen_slows_down() -> None:
    motion = AgileWidthHeight()
    state = motion.start(BOX)
    state.planes[1, 0] = 2.0
    seen, unseen = (motion.predict(state, 1.0, np.array([seen])) for seen in (True, False))
    assert seen.position[0, 0] == pytest.approx(120 + 60)
    assert unseen.position[0, 0] == pytest.approx(120 + 60 * np.exp(-0.25))


@given(st.floats(MIN_AGILITY, MAX_AGILITY), st.floats(0, 1e6))
def test_agility_grows_with_surprise_within_its_bounds(agility: float, surprise: float) -> None:
    (adapted,) = AgileWidthHeight().adapted(np.array([agility]), np.array([surprise]))
    assert MIN_AGILITY <= adapted <= MAX_AGILITY
    if surprise > EXPECTED_SURPRISE:
        assert adapted >= agility
    else:
        assert adapted <= agility


def test_a_surprise_is_one_on_average_where_the_noise_is_what_it_is_said_to_be() -> None:
    random, motion = np.random.default_rng(0), AgileWidthHeight()
    count = 20_000
    boxes = np.repeat(BOX, count, axis=0)
    state = motion.predict(motion.start(boxes), 1 / 30, np.ones(count, bool))
    (std,) = np.sqrt(state.planes[2, :1, :1] + (0.016 * 40) ** 2 + 2**2)
    shift = random.normal(0, std, count)
    boxes[:, [0, 2]] += shift[:, None].astype(np.float32)
    _, surprise = motion.corrected(state, np.arange(count), boxes, np.ones(count))
    assert 4 * surprise.mean() == pytest.approx(1, abs=0.05)  # y, width and height are exact
