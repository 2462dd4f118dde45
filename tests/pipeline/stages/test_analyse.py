"""Lines and zones that are replaced while a stream goes on."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from detector.errors import UsageError
from pipeline.analysis import Analysis
from pipeline.analytics.board import AnalyticsBoard
from pipeline.analytics.config import AnalyticsConfig
from pipeline.frames.decision import Decision, Reason
from pipeline.frames.frame import Frame
from pipeline.frames.picture import Picture
from pipeline.frames.result import Tracked
from pipeline.frames.stream import Stream
from pipeline.stages.analyse import Analyse
from trackers.tracks import Tracks, TrackState

NAMES = ("person",)
GATE = {"name": "gate", "start": [50, 0], "end": [50, 100], "units": "pixels", "margin": 1}
DOOR = {"name": "door", "start": [80, 0], "end": [80, 100], "units": "pixels", "margin": 1}


def config(*lines: dict[str, Any]) -> AnalyticsConfig:
    return AnalyticsConfig.model_validate({"lines": lines})


class Walker:
    """Somebody who is seen at one place after another."""

    def __init__(self, board: AnalyticsBoard) -> None:
        self.stage = Analyse(board, "cam", NAMES)
        self.stream = Stream("cam", "cam", Fraction(1, 10))
        self.index = 0
        self.decision: Decision | None = None  # whether the frames are looked at

    def at(self, *places: float) -> Analysis | None:
        """Go there, and return the last analysis."""
        for x in places:
            tracks = Tracks(
                np.array([[x - 5, 20, x + 5, 50]], np.float32),
                np.ones(1, np.float32),
                np.zeros(1, np.int64),
                np.ones(1, np.int64),
                np.full(1, TrackState.CONFIRMED, np.int8),
            )
            picture = Picture.of(np.zeros((100, 100, 3), np.uint8))
            frame = Frame(
                self.stream, self.index, self.index, self.index, Fraction(1, 10), 0.0, picture
            )
            frame = replace(frame, decision=self.decision)
            self.index += 1
            (item,) = self.stage.process(Tracked(frame, tracks))
        return item.analysis


def test_a_new_line_counts_from_now_on_and_those_that_stay_go_on() -> None:
    board = AnalyticsBoard(config(GATE), NAMES)
    walker = Walker(board)
    first = walker.at(20, 90)
    assert first and first.counts == {"gate": {"right to left": {"person": 1}}}
    assert board.replace(config(GATE, DOOR), board.posted.version)
    second = walker.at(60, 90)
    assert second and second.counts["door"] == {"right to left": {"person": 1}}
    assert second.counts["gate"] == {"right to left": {"person": 1}}


def test_without_any_shape_there_is_no_analysis() -> None:
    board = AnalyticsBoard(config(), NAMES)
    walker = Walker(board)
    assert walker.at(20, 90) is None
    board.replace(config(GATE), 1)
    assert walker.at(20, 90) is not None
    board.replace(config(), 2)
    assert walker.at(20, 90) is None


def test_of_two_who_replace_the_same_set_the_second_learns_of_the_first() -> None:
    board = AnalyticsBoard(config(), NAMES)
    seen = board.posted.version
    assert board.replace(config(GATE), seen)
    assert board.replace(config(DOOR), seen) is None
    assert [line.name for line in board.posted.config.lines] == ["gate"]


def test_a_wrong_shape_replaces_nothing() -> None:
    board = AnalyticsBoard(config(GATE), NAMES)
    with pytest.raises(UsageError, match="start and end are equal"):
        board.replace(config({**GATE, "end": GATE["start"]}), 1)
    assert board.posted.config == config(GATE)


def test_a_predicted_position_settles_no_event_and_the_counts_stay() -> None:
    board = AnalyticsBoard(config(GATE), NAMES)
    walker = Walker(board)
    walker.at(20, 30)
    walker.decision = Decision(Reason.QUIET)
    predicted = walker.at(70)
    assert predicted and not predicted.events and predicted.counts == {"gate": {}}
    walker.decision = None
    seen = walker.at(75)
    assert seen and [event.kind for event in seen.events] == ["cross"]
