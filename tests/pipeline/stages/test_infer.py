"""The two stages at the engine: opening it, closing it, and the batches in between."""

from __future__ import annotations

from fractions import Fraction
from threading import Thread, current_thread

import numpy as np
import pytest

from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.engines.fake import FakeEngine
from detector.errors import ModelError
from detector.letterbox import Letterbox
from pipeline.frames.batch import Batch
from pipeline.frames.frame import Frame
from pipeline.frames.item import tickets_of
from pipeline.frames.picture import Picture
from pipeline.frames.stream import Stream
from pipeline.stages.infer import Collect, Submit
from tests.support.fake_manifest import fake_manifest

STREAM = Stream("street", "street.mp4", Fraction(1, 25))
SIZE = (32, 32)


def brightness(images: UInt8Array) -> Candidates:
    """Return one box per image, whose score is the brightness of the image."""
    scores = images.mean(axis=(1, 2, 3), dtype=np.float32).reshape(-1, 1, 1)
    return Candidates(np.zeros((len(images), 1, 4), np.float32), scores)


def open_engine() -> FakeEngine:
    return FakeEngine(fake_manifest(SIZE), answer=brightness, slots=3)


def batch(*levels: int) -> Batch:
    images = np.stack([np.full((*SIZE, 3), level, np.uint8) for level in levels])
    frames = tuple(
        Frame(STREAM, index, index, index, Fraction(1, 25), 0.0, Picture.of(image))
        for index, image in enumerate(images)
    )
    return Batch(frames, (Letterbox.fit(SIZE, SIZE),) * len(frames), images)


def test_each_batch_comes_out_with_its_candidates() -> None:
    submit, collect = Submit(open_engine), Collect()
    submit.open()
    batches = [batch(10), batch(20, 30), batch(40)]
    in_flight = [item for each in batches for item in submit.process(each)]
    assert [len(tickets_of(item)) for item in in_flight] == [1, 2, 1]
    inferred = [result for item in in_flight for result in collect.process(item)]
    assert [result.batch for result in inferred] == batches
    scores = [result.candidates.scores.ravel().tolist() for result in inferred]
    assert scores == [[10], [20, 30], [40]]


def test_the_engine_is_opened_by_the_thread_that_submits() -> None:
    opened_on: list[str] = []

    def open_and_note_thread() -> FakeEngine:
        opened_on.append(current_thread().name)
        return open_engine()

    submit = Submit(open_and_note_thread)
    assert opened_on == []
    thread = Thread(target=submit.open, name="submit")
    thread.start()
    thread.join()
    assert opened_on == ["submit"]


def test_the_engine_outlives_the_stage_that_opened_it() -> None:
    engine = open_engine()
    submit, collect = Submit(lambda: engine), Collect()
    submit.open()
    (item,) = submit.process(batch(10))
    submit.close()
    (inferred,) = collect.process(item)
    collect.close()
    assert inferred.candidates.scores.tolist() == [[[10]]]
    assert not engine.closed
    submit.close_engine()
    assert engine.closed


def test_an_engine_that_cannot_be_opened_is_not_closed() -> None:
    def refuse() -> FakeEngine:
        raise ModelError("no model 'x.onnx'")

    submit = Submit(refuse)
    with pytest.raises(ModelError):
        submit.open()
    submit.close()
    submit.close_engine()
