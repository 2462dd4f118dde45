"""The choice of frames, which is the same for tracking and evaluation."""

from __future__ import annotations

import pytest

from detector.errors import UsageError
from trackers.motchallenge.frame_choice import FrameChoice, read_ranges


def test_all_frames_are_chosen_by_default() -> None:
    assert FrameChoice().of("a", 5).tolist() == [1, 2, 3, 4, 5]


def test_a_range_applies_to_one_sequence_or_to_all_that_are_not_named() -> None:
    choice = FrameChoice(read_ranges(["MOT17-02-FRCNN=302-600", "3-4"]))
    assert choice.of("MOT17-02-FRCNN", 600).tolist() == list(range(302, 601))
    assert choice.of("MOT17-04-FRCNN", 1050).tolist() == [3, 4]
    assert choice.of("short", 3).tolist() == [3]


def test_every_k_th_frame_counts_from_the_first_of_the_range() -> None:
    assert FrameChoice({"": (5, 20)}, keep_every=5).of("a", 17).tolist() == [5, 10, 15]


def test_dropped_frames_depend_on_the_seed_and_not_on_the_length() -> None:
    choice = FrameChoice(drop=0.3, seed=4)
    long, short = choice.of("a", 1000), choice.of("a", 300)
    assert long[: len(short)].tolist() == short.tolist()
    assert 640 < len(long) < 760
    assert long.tolist() != FrameChoice(drop=0.3, seed=5).of("a", 1000).tolist()


@pytest.mark.parametrize("text", ["7", "a=5", "4-2", "0-3", "=", "x=3-"])
def test_an_error_for_a_wrong_range_shows_a_correct_one(text: str) -> None:
    with pytest.raises(UsageError, match=r"A-B or NAME=A-B is expected.*251-459"):
        read_ranges([text])
