"""Each frame gets a decision, made on its own small luma, at its own time."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from detector.detections import Detections
from pipeline.attention.attention import Attention
from pipeline.attention.config import AttentionConfig
from pipeline.frames.decision import Reason
from pipeline.frames.frame import Frame
from pipeline.frames.picture import Picture
from pipeline.frames.result import Detected, Tracked
from pipeline.frames.stream import Stream
from pipeline.stages.attend import Attend
from pipeline.stages.track import Track
from tests.support.moving_planes import Scene, passing
from trackers import make_tracker

STREAM = Stream("cam", "cam", Fraction(1, 25))


def frame(scene: Scene, index: int) -> Frame:
    large = np.repeat(np.repeat(scene.plane(index / 25), 6, 0), 6, 1)
    picture = Picture.of(np.dstack([large] * 3))
    return Frame(STREAM, index, None, index, Fraction(1, 25), 0.0, picture)


def test_frames_of_a_quiet_place_rest_and_one_in_which_something_moves_is_looked_at() -> None:
    scene = Scene([passing(3.0, 12.0, (0.0, 30.0, 5.0, 42.0))])
    attention = Attention(AttentionConfig(mode="on"))
    attend, track = Attend(attention), Track(make_tracker("sort"), None, attention)
    decisions = []
    for index in range(80):
        (judged,) = attend.process(frame(scene, index))
        assert judged.decision
        decisions.append(judged.decision)
        (tracked,) = track.process(Detected(judged, Detections.empty()))
        assert isinstance(tracked, Tracked) and tracked.frame is judged
    assert sum(each.looks for each in decisions[30:75]) <= 5
    assert Reason.MOVEMENT in [each.reason for each in decisions[75:]]
    assert sum(attention.counts.values()) == 80
