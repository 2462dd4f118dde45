"""A clip with attention on and off, frame by frame, as if the engine took no time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from benchmarks.attention.material import Clip, frames
from detector.detections import Detections
from pipeline.attention.attention import Attention
from pipeline.attention.motion import PLANE_HEIGHT
from pipeline.frame import Decision, Reason
from trackers import make_tracker
from trackers.evaluation.evaluate import Scores, evaluate
from trackers.motchallenge.text import MotResult, MotRows, read_mot
from trackers.tracks import Tracks

SEEN_IOU = 0.3  # of a true and a tracked box: the object has been found


@dataclass(frozen=True)
class Replay:
    """What a tracker returned for every frame of a clip.

    looks: (n,) bool, the frames that were looked at
    reasons: how often each was given
    """

    rows: MotRows
    looks: NDArray[np.bool_]
    reasons: Counter[Reason]

    def looks_per_second(self, seconds: float) -> float:
        """Return how many frames of a second were looked at."""
        return float(self.looks.sum() / seconds)


def replay(
    clip: Clip, found: Sequence[Detections], attention: Attention | None, tracker: str = "lane"
) -> tuple[Replay, float]:
    """Return the tracks of every frame, and how long the clip is in seconds.

    found: the detections of every frame; attention: None: every frame is looked at
    """
    tracking = make_tracker(tracker)
    tracked: list[tuple[int, Tracks]] = []
    looks: list[bool] = []
    reasons: Counter[Reason] = Counter()
    seconds = [0.0]
    for frame, detections in zip(frames(clip), found, strict=True):
        size = frame.picture.width, frame.picture.height
        now = float(frame.time)
        seconds.append(now)
        decision = Decision(Reason.AGE, 1.0)
        if attention:
            decision = attention.judge(frame.picture.luma(PLANE_HEIGHT), now, size)
        tracks = tracking.update(detections if decision.looks else None, now)
        if not decision.looks:
            tracks = tracks.within(*size)
        if attention:
            attention.settle(now, decision, tracks, size)
        looks.append(decision.looks)
        reasons[decision.reason] += 1
        tracked.append((frame.index + 1, tracks.confirmed))
    interval = float(np.median([b - a for a, b in pairwise(seconds[1:])]))
    return Replay(MotResult.of(tracked).rows, np.array(looks), reasons), seconds[-1] + interval


def scores(clip: Clip, rows: MotRows) -> dict[int, Scores]:
    """Return the scores against the ground truth, by class."""
    return evaluate(read_mot(clip.truth, with_classes=True), rows, "classes")


def first_found(clip: Clip, rows: MotRows) -> dict[int, int | None]:
    """Return the frame in which each true object is first tracked; None if it never is."""
    truth = read_mot(clip.truth, with_classes=True)
    first: dict[int, int | None] = {int(identity): None for identity in np.unique(truth.ids)}
    for frame in np.unique(truth.frames).tolist():
        here, there = truth.at(frame), rows.at(frame)
        for identity, class_id, box in zip(here.ids, here.class_ids, here.boxes_xyxy, strict=True):
            if first[int(identity)] is None:
                same = there.boxes_xyxy[there.class_ids == class_id]
                if len(same) and _iou(box, same).max() >= SEEN_IOU:
                    first[int(identity)] = frame
    return first


def _iou(box: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod()
    return np.asarray(shared / (areas - shared))
