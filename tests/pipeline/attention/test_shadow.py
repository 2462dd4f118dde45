"""What attention would have missed, of objects whose comings and goings are known."""

from __future__ import annotations

import numpy as np
import pytest

from detector.detections import Detections
from pipeline.attention.attention import Attention
from pipeline.attention.config import AttentionConfig
from pipeline.attention.shadow import Shadow
from pipeline.frames.decision import Decision, Reason
from trackers import make_tracker

SIZE = (768, 432)
LOOK, REST = Decision(Reason.AGE, 1.0), Decision(Reason.QUIET)


def found(*lefts: float) -> Detections:
    boxes = np.array([[left, 100, left + 40, 200] for left in lefts], np.float32).reshape(-1, 4)
    return Detections(boxes, np.full(len(lefts), 0.9, np.float32), np.zeros(len(lefts), np.int64))


def followed(present: list[Detections], looks: set[int]) -> Shadow:
    """Return a shadow that has followed these frames, ten a second."""
    shadow = Shadow(Attention(AttentionConfig(mode="shadow")), make_tracker("bytetrack"))
    real = make_tracker("bytetrack")
    for number, detections in enumerate(present):
        tracks = real.update(detections, number / 10)
        decision = LOOK if number in looks else REST
        shadow.follow(number / 10, decision, detections, tracks, SIZE)
    return shadow


def test_whoever_looks_at_every_frame_misses_nothing() -> None:
    figures = followed([found(100 + 2 * k) for k in range(30)], set(range(30))).figures()
    assert (figures["tracks_found"], figures["tracks_never_seen"]) == (1, 0)
    assert figures["late_seconds"] == {"p50": 0.0, "p95": 0.0}
    assert figures["idf1"] == figures["hota"] == 1.0


def test_a_track_that_comes_and_goes_between_two_looks_is_missed() -> None:
    stays, passes = 100.0, 500.0
    present = [found(stays, passes) if 10 <= k < 20 else found(stays) for k in range(50)]
    figures = followed(present, {0, 1, 2, 30, 49}).figures()
    assert (figures["tracks_found"], figures["tracks_never_seen"]) == (1, 1)
    assert figures["idf1"] < 1


def test_a_track_that_the_looks_find_late_is_late_by_that_much() -> None:
    present = [found(100, 500) if k >= 10 else found(100) for k in range(40)]
    figures = followed(present, {0, 1, 15, 16, 17, 30}).figures()
    assert figures["tracks_found"] == 2 and figures["tracks_never_seen"] == 0
    # confirmed by the second sighting: in frame 11 by the first tracker, in frame 16 by the other
    assert figures["late_seconds"]["p95"] == pytest.approx(0.5, abs=0.03)


def test_a_bicycle_is_not_found_by_finding_its_rider() -> None:
    boxes = np.array([[100, 100, 140, 200], [95, 130, 145, 205]], np.float32)
    rider = Detections(boxes[:1], np.array([0.9], np.float32), np.array([0]))
    both = Detections(boxes, np.array([0.9, 0.9], np.float32), np.array([0, 1]))
    present = [both if k >= 10 else rider for k in range(40)]
    figures = followed(present, {0, 1, 15, 16, 17, 30}).figures()
    assert (figures["tracks_found"], figures["tracks_never_seen"]) == (2, 0)
    assert figures["late_seconds"]["p95"] == pytest.approx(0.5, abs=0.03)


def test_without_tracks_there_is_no_score() -> None:
    figures = followed([found()] * 5, {0}).figures()
    assert figures["idf1"] is None and figures["tracks_found"] == 0
