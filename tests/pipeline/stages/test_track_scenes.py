"""At a new scene the tracker starts afresh, and no identity is used twice."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from detector.detections import Detections
from pipeline.frames.frame import Frame
from pipeline.frames.picture import Picture
from pipeline.frames.result import Detected
from pipeline.frames.stream import Stream
from pipeline.sources.live.clock import HERTZ
from pipeline.sources.live.packets import Scenes
from pipeline.stages.track import Track
from trackers import TRACKERS, make_tracker

STREAM = Stream("cam", "cam", Fraction(1, 25), live=True)
PICTURE = Picture.of(np.zeros((8, 8, 3), np.uint8))


def standing(count: int) -> Detections:
    """Return detections far apart, at the same positions each time."""
    left = 100 * np.arange(count, dtype=np.float32)
    boxes = np.stack([left, left, left + 40, left + 40], axis=1)
    return Detections(boxes, np.full(count, 0.9, np.float32), np.zeros(count, np.int64))


def ids(stage: Track, scene: int, seconds: float, count: int = 2) -> list[int]:
    ticks = round(seconds * HERTZ)
    frame = Frame(STREAM, 0, ticks, ticks, Fraction(1, HERTZ), 0.0, PICTURE, scene)
    (tracked,) = stage.process(Detected(frame, standing(count)))
    return sorted(tracked.tracks.ids.tolist())


@pytest.mark.parametrize("name", TRACKERS)
def test_in_a_new_scene_a_detection_at_the_same_position_gets_a_new_identity(
    name: str,
) -> None:
    stage = Track(make_tracker(name))
    before = [ids(stage, 0, k / 25) for k in range(5)][-1]
    assert before == [1, 2]
    after = [ids(stage, 1, 1 + k / 25) for k in range(5)][-1]
    assert after == [3, 4]
    assert [ids(stage, 2, 2 + k / 25) for k in range(5)][-1] == [5, 6]


def test_a_short_gap_in_the_same_scene_keeps_the_identities() -> None:
    stage = Track(make_tracker("bytetrack"))
    for k in range(5):
        ids(stage, 0, k / 25)
    assert ids(stage, 0, 1.5) == [1, 2]


def test_another_frame_size_begins_a_new_scene() -> None:
    scenes = Scenes()
    assert [scenes.number((640, 480), k * 3600) for k in range(3)] == [0, 0, 0]
    assert [scenes.number((320, 240), k * 3600) for k in range(3, 6)] == [1, 1, 1]


@pytest.mark.parametrize(("seconds", "scene"), [(0.5, 0), (1.9, 0), (2.1, 1), (3600, 1)])
def test_a_connection_lost_for_longer_than_two_seconds_begins_a_new_scene(
    seconds: float, scene: int
) -> None:
    scenes = Scenes()
    scenes.reconnected()  # as the first connection does, too
    assert scenes.number((640, 480), 0) == 0
    scenes.reconnected()
    assert scenes.number((640, 480), round(seconds * HERTZ)) == scene


def test_a_camera_that_sends_a_frame_every_ten_seconds_has_one_scene() -> None:
    scenes = Scenes()
    assert {scenes.number((640, 480), k * 10 * HERTZ) for k in range(5)} == {0}
