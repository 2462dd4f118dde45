"""Refined tracks are better than those of the tracker, on real sequences."""

from __future__ import annotations

from functools import reduce
from operator import add
from pathlib import Path
from statistics import mean

import numpy as np

from tests.support.labelled_sequences import LabelledSequence, mot15, pets09
from trackers import make_tracker
from trackers.evaluation.evaluate import Scores, evaluate
from trackers.motchallenge.history import History
from trackers.motchallenge.text import MotRows
from trackers.refinement.refine import refined

FEW = ("KITTI-17", "PETS09 Faster R-CNN", "TUD-Campus", "TUD-Stadtmitte")


def scores(sequence: LabelledSequence, rows: MotRows) -> Scores:
    return reduce(add, evaluate(sequence.truth, rows, sequence.rules).values())


def test_refined_tracks_have_a_higher_hota_and_idf1(data: Path) -> None:
    before, after = [], []
    for sequence in [*mot15(data), *pets09(data)]:
        if sequence.name in FEW:
            history = History.of(sequence.detections, sequence.frames, sequence.frame_rate)
            before.append(scores(sequence, history.tracked(make_tracker("lane"))))
            found = refined(history, lambda: make_tracker("lane"))
            after.append(scores(sequence, found.rows))
    assert len(after) == len(FEW)
    assert mean(s.hota.hota for s in after) > mean(s.hota.hota for s in before) + 0.03
    assert mean(s.identity.idf1 for s in after) > mean(s.identity.idf1 for s in before) + 0.03


def test_a_moving_camera_moves_the_tracks_in_both_directions() -> None:
    """Of two objects side by side, each jumps to where the other was; only the camera moved."""
    frames = np.arange(1, 41)
    pans = np.where(frames % 8 == 0, 60.0, 0.0)
    at = np.concatenate([np.cumsum(pans) + left for left in (0.0, 60.0)])
    count = len(at)
    boxes = np.stack((at, np.zeros(count), at + 40, np.full(count, 100.0)), axis=1)
    both = MotRows(
        np.tile(frames, 2), np.full(count, -1), boxes, np.full(count, 0.9), np.zeros(count, int)
    )
    detections = both[np.argsort(both.frames, kind="stable")]
    steps = np.tile([[1.0, 0, 0], [0, 1, 0]], (len(frames), 1, 1))
    steps[:, 0, 2] = pans
    history = History(frames, frames / 20, detections, steps)
    for rows in (
        history.tracked(make_tracker("lane")),
        history.tracked_backwards(make_tracker("lane")),
        refined(history, lambda: make_tracker("lane")).rows,
    ):
        assert np.unique(rows.ids).tolist() == [1, 2]
        where = rows.boxes_xyxy[:, 0] - np.cumsum(pans)[rows.frames - 1]  # in the scene
        for identity in (1, 2):
            mine = where[rows.ids == identity]
            assert (np.abs(mine - np.median(mine)) < 35).all(), "it stays the same object"
