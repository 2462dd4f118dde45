"""A clip with attention on and off, frame by frame, as if the engine took no time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.attention.material import Clip, frames
from detector.detections import Detections
from pipeline.analytics.board import AnalyticsBoard
from pipeline.analytics.config import AnalyticsConfig
from pipeline.attention.attention import Attention
from pipeline.attention.config import AttentionConfig
from pipeline.attention.motion import PLANE_HEIGHT
from pipeline.attention.shadow import Shadow
from pipeline.frames.decision import Decision, Reason
from pipeline.frames.result import Tracked
from pipeline.sources.street.labelled_clip import CLASSES
from pipeline.stages.analyse import Analyse
from trackers import make_tracker
from trackers.evaluation.evaluate import Scores, evaluate
from trackers.motchallenge.text import MotResult, MotRows, read_mot
from trackers.tracks import Tracks

SEEN_IOU = 0.3  # of a true and a tracked box: the object has been found
SHAPES = AnalyticsConfig.model_validate(
    {
        "lines": [
            {"name": f"{axis} {share}", "start": ends[0], "end": ends[1]}
            for share in (0.25, 0.5, 0.75)
            for axis, ends in (
                ("across", ([share, 0.0], [share, 1.0])),
                ("down", ([0.0, share], [1.0, share])),
            )
        ],
        "zones": [
            {
                "name": f"zone {x} {y}",
                "polygon": [(x, y), (x + 0.5, y), (x + 0.5, y + 0.5), (x, y + 0.5)],
            }
            for x in (0.0, 0.5)
            for y in (0.0, 0.5)
        ],
    }
)


@dataclass(frozen=True)
class Replay:
    """What a tracker returned for every frame of a clip.

    looks: (n,) bool, the frames that were looked at
    reasons: how often each was given
    events: how often each line was crossed, and each zone entered, by name and class
    """

    rows: MotRows
    looks: NDArray[np.bool_]
    reasons: Counter[Reason]
    events: Counter[tuple[str, str]]

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
    events: Counter[tuple[str, str]] = Counter()
    analyse = Analyse(AnalyticsBoard(SHAPES, CLASSES), clip.name, CLASSES)
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
            attention.settle(now, decision, detections, tracks, size)
        looks.append(decision.looks)
        reasons[decision.reason] += 1
        tracked.append((frame.index + 1, tracks.confirmed))
        (analysed,) = analyse.process(Tracked(replace(frame, decision=decision), tracks))
        for event in analysed.analysis.events if analysed.analysis else ():
            if event.kind in ("cross", "enter"):
                events[event.shape, event.point.class_name] += 1
    interval = float(np.median([b - a for a, b in pairwise(seconds[1:])]))
    return Replay(MotResult.of(tracked).rows, np.array(looks), reasons, events), seconds[
        -1
    ] + interval


def shadowed(clip: Clip, found: Sequence[Detections], tracker: str = "lane") -> dict[str, Any]:
    """Return what shadow mode says that attention would miss: see `Shadow.figures`."""
    real = make_tracker(tracker)
    attention = Attention(AttentionConfig(mode="shadow"))
    shadow = Shadow(attention, make_tracker(tracker))
    for frame, detections in zip(frames(clip), found, strict=True):
        size, now = (frame.picture.width, frame.picture.height), float(frame.time)
        decision = attention.judge(frame.picture.luma(PLANE_HEIGHT), now, size)
        shadow.follow(now, decision, detections, real.update(detections, now), size)
    return shadow.figures()


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
