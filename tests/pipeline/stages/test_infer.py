"""The two stages at the engine: opening it, closing it, and the batches in between."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import partial
from threading import Thread, current_thread

import numpy as np
import pytest

from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.engines.fake import FakeEngine
from detector.errors import ModelError
from detector.kernels.device_frame import DeviceFrame
from detector.letterbox import Letterbox
from detector.yuv.planes import Planes
from pipeline.frames.batch import Batch
from pipeline.frames.frame import Frame
from pipeline.frames.item import tickets_of
from pipeline.frames.picture import Picture
from pipeline.frames.stream import Stream
from pipeline.stages.infer import Collect, Submit
from tests.support.fake_manifest import fake_manifest

STREAM = Stream("street", "street.mp4", Fraction(1, 25))
SIZE = (32, 32)
BGR = np.zeros((*SIZE, 3), np.uint8)


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


def on_gpu(numbers: tuple[int, ...]) -> Batch:
    """Return a batch of frames in the memory of these GPUs, brighter by 10 each on the host."""
    frames = []
    for index, gpu in enumerate(numbers):
        planes = Planes.of_bgr(np.full((*SIZE, 3), 10 * (index + 1), np.uint8))
        device = DeviceFrame(index, 0, 0, 0, *SIZE, planes.space, gpu=gpu)
        picture = Picture(
            *SIZE,
            lambda: BGR,
            to_planes=partial(replace, planes),
            space=planes.space,
            device=device,
        )
        frames.append(Frame(STREAM, index, index, index, Fraction(1, 25), 0.0, picture))
    return Batch(tuple(frames), (Letterbox.fit(SIZE, SIZE),) * len(frames), None)


@pytest.mark.parametrize(
    ("gpus", "engine_takes", "there"),
    [((0, 0), True, True), ((0, 0), False, False), ((0, 1), True, False), ((1, 1), True, False)],
)
def test_frames_are_looked_at_where_they_lie_if_all_lie_on_the_engines_gpu(
    gpus: tuple[int, ...], engine_takes: bool, there: bool
) -> None:
    def read(frame: DeviceFrame, letterbox: Letterbox) -> UInt8Array:
        return np.full((*letterbox.size, 3), 100 + frame.luma, np.uint8)

    reader = read if engine_takes else None
    submit = Submit(lambda: FakeEngine(fake_manifest(SIZE), answer=brightness, reader=reader))
    submit.open()
    (item,) = submit.process(on_gpu(gpus))
    (inferred,) = Collect().process(item)
    scores = inferred.candidates.scores.ravel()
    expected = [100, 101] if there else [10, 20]
    assert np.abs(scores - expected).max() <= 1
