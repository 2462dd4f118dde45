"""What a camera shows, and the truth of its frames."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from benchmarks.cameras.clip import Clip, Shown, shown_by
from benchmarks.cameras.ours import scores_by_class
from tests.support.mot_rows import rows
from trackers.evaluation.ignore_regions import IgnoreRegions
from trackers.motchallenge.text import MotRows

FRAMES = 25
FIRST, LAST = 11, 25  # frames of the clip with its only object
REGION = np.array([[400.0, 0.0, 500.0, 100.0]])
UNLABELLED = IgnoreRegions(np.array([20.0]), np.array([22.0]), REGION)


def clip(fps: Fraction = Fraction(25, 2), frames: int = FRAMES) -> Clip:
    truth = rows(*((frame, 7, 3.0 * frame, 50.0, 0) for frame in range(FIRST, LAST + 1)))
    return Clip(Path("none.units"), fps, frames, truth, UNLABELLED)


def shown_frames(start: int, count: int) -> list[tuple[int, int]]:
    """Return the lap and the number (from 1) of each frame that a camera sends, one by one."""
    sent, lap, number = [], 0, start + 1
    for _ in range(count):
        sent.append((lap, number))
        lap, number = (lap + 1, 1) if number == FRAMES else (lap, number + 1)
    return sent


def twin(start: int, count: int) -> MotRows:
    """Return the truth of a camera, one frame after the other; each lap has its own object."""
    sent = enumerate(shown_frames(start, count), 1)
    return rows(*((k, 1 + lap, 3.0 * n, 50.0, 0) for k, (lap, n) in sent if FIRST <= n <= LAST))


@pytest.mark.parametrize("start", [0, 12, 24])
@pytest.mark.parametrize("count", [10, 25, 60, 63])
def test_the_truth_of_a_camera_has_the_numbers_of_its_own_frames(start: int, count: int) -> None:
    found = Shown(clip(), start).truth(count).among(np.arange(1, count + 1))
    wanted = twin(start, count)
    assert found.frames.tolist() == wanted.frames.tolist()
    assert found.boxes_xyxy.tolist() == wanted.boxes_xyxy.tolist()
    pairs = set(zip(found.ids.tolist(), wanted.ids.tolist(), strict=True))
    assert len(pairs) == len(set(found.ids.tolist())) == len(set(wanted.ids.tolist()))


@pytest.mark.parametrize("start", [0, 12, 24])
def test_unlabelled_regions_are_those_of_the_frames_that_are_sent(start: int) -> None:
    found = Shown(clip(), start).ignored(60)
    for frame, (_, number) in enumerate(shown_frames(start, 60), 1):
        assert len(found.at(frame)) == (20 <= number <= 22)


@pytest.mark.parametrize("start", [0, 12])
def test_scores_count_only_what_is_not_in_an_unlabelled_region(start: int) -> None:
    count = 60
    perfect = twin(start, count)
    inside = [k for k, (_, n) in enumerate(shown_frames(start, count), 1) if 20 <= n <= 22]
    everywhere = [(k, 90, 420.0, 20.0, 0) for k in range(1, count)]
    ignored = [row for row in everywhere if row[0] in inside]
    shown = Shown(clip(), start)

    def false_positives(*others: tuple[int, int, float, float, int]) -> int:
        both = MotRows.concatenated([perfect, rows(*others)])
        tracks = both[np.argsort(both.frames, kind="stable")]
        score = scores_by_class(shown, tracks, count)[0].clear
        assert (score.misses, score.switches) == (0, 0)
        return score.false_positives

    young = 25  # frames: two seconds
    assert false_positives() == false_positives(*ignored) == 0
    later = [k for k in range(young, count) if k not in inside]
    assert false_positives(*everywhere) == len(later)


def test_cameras_take_the_clips_in_turn_and_start_as_far_apart_as_can_be() -> None:
    clips = [clip(), clip(Fraction(10), 100)]
    shown = shown_by(7, clips)
    assert [clips.index(each.clip) for each in shown] == [0, 1, 0, 1, 0, 1, 0]
    assert [each.start for each in shown] == [0, 0, 0, 30, 12, 60, 24]


def test_more_cameras_than_keyframes_start_together() -> None:
    starts = [each.start for each in shown_by(6, [clip()])]
    assert starts == [0, 0, 12, 12, 24, 24]
