"""Suppression in the pipeline: each frame gets its own detections, in its own pixels."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from detector.candidates import Candidates
from detector.letterbox import Letterbox
from pipeline.frames.batch import Batch, Inferred
from pipeline.frames.frame import Frame
from pipeline.frames.picture import Picture
from pipeline.frames.result import Detected
from pipeline.frames.stream import Stream
from pipeline.stages.suppress import Suppress

STREAM = Stream("street", "street.mp4", Fraction(1, 25))
SIZE = (64, 64)
Row = tuple[tuple[float, float, float, float], tuple[float, float]]


def inferred(frame_rows: list[tuple[tuple[int, int], list[Row]]]) -> Inferred:
    """Return a batch of frames of these (height, width), with candidates for each."""
    frames, letterboxes = [], []
    for index, ((height, width), _) in enumerate(frame_rows):
        picture = Picture.of(np.zeros((height, width, 3), np.uint8))
        frames.append(Frame(STREAM, index, index, index, Fraction(1, 25), 0.0, picture))
        letterboxes.append(Letterbox.fit((height, width), SIZE))
    candidates = Candidates(
        np.array([[box for box, _ in rows] for _, rows in frame_rows], np.float32),
        np.array([[scores for _, scores in rows] for _, rows in frame_rows], np.float32),
    )
    images = np.zeros((len(frames), *SIZE, 3), np.uint8)
    return Inferred(Batch(tuple(frames), tuple(letterboxes), images), candidates)


def detected(
    item: Inferred, classes: list[int] | None = None, keep_small: bool = False
) -> list[Detected]:
    stage = Suppress(
        confidence=0.25,
        iou=0.45,
        classes=classes,
        agnostic=False,
        max_detections=300,
        keep_small=keep_small,
    )
    return list(stage.process(item))


def test_each_frame_gets_its_detections_in_its_own_pixels() -> None:
    whole: Row = ((0, 16, 64, 48), (0.9, 0.1))  # the frame fills rows 16 to 48
    corner: Row = ((0, 16, 8, 24), (0.1, 0.8))
    item = inferred([((32, 64), [whole, corner]), ((320, 640), [whole, corner])])
    first, second = detected(item)
    assert [first.frame, second.frame] == list(item.batch.frames)
    np.testing.assert_allclose(first.detections.boxes_xyxy, [[0, 0, 64, 32], [0, 0, 8, 8]])
    np.testing.assert_allclose(second.detections.boxes_xyxy, [[0, 0, 640, 320], [0, 0, 80, 80]])
    assert first.detections.class_ids.tolist() == [0, 1]
    np.testing.assert_allclose(first.detections.scores, [0.9, 0.8])


def test_boxes_in_the_padding_are_removed_and_others_are_clipped_to_the_frame() -> None:
    in_the_padding: Row = ((0, 0, 64, 16), (0.9, 0))
    sticks_out: Row = ((-5, 10, 20, 30), (0, 0.8))
    (only,) = detected(inferred([((32, 64), [in_the_padding, sticks_out])]))
    np.testing.assert_allclose(only.detections.boxes_xyxy, [[0, 0, 20, 14]])


def test_options_reach_non_maximum_suppression() -> None:
    a: Row = ((0, 16, 64, 48), (0.9, 0.1))
    b: Row = ((0, 16, 8, 24), (0.1, 0.8))
    (only,) = detected(inferred([((32, 64), [a, b])]), classes=[1])
    assert only.detections.class_ids.tolist() == [1]


def test_the_input_image_is_handed_on_without_padding_if_asked_for() -> None:
    anything: Row = ((0, 16, 64, 48), (0.9, 0.1))
    item = inferred([((32, 64), [anything]), ((64, 32), [anything])])
    assert [each.small for each in detected(item)] == [None, None]
    wide, tall = (each.small for each in detected(item, keep_small=True))
    assert wide is not None and wide.shape == (32, 64, 3)
    assert tall is not None and tall.shape == (64, 32, 3)
