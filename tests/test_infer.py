"""The two stops at the engine: who opens it, who closes it, and what passes between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from threading import Thread, current_thread

import numpy as np
import pytest

from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.errors import ModelError
from detector.letterbox import Letterbox
from detector.manifest import Manifest
from pipeline.frame import Batch, Frame, Picture, Stream
from pipeline.infer import Collect, Submit

STREAM = Stream("street", "street.mp4", Fraction(1, 25))
MANIFEST = Manifest(("person",), (32, 32), (8,), "fp32", 4, True, 1, 114, "0" * 64, None)


@dataclass
class Echo:
    """A pending batch whose scores are the brightness of its pictures."""

    images: UInt8Array

    def result(self) -> Candidates:
        scores = self.images.mean(axis=(1, 2, 3), dtype=np.float32).reshape(-1, 1, 1)
        return Candidates(np.zeros((len(self.images), 1, 4), np.float32), scores)


@dataclass
class EchoEngine:
    """An engine that writes down what is done to it."""

    manifest: Manifest = MANIFEST
    slots: int = 2
    done: list[str] = field(default_factory=list)
    opened_on: str = field(default_factory=lambda: current_thread().name)

    def submit(self, images: UInt8Array) -> Echo:
        self.done.append(f"submit {len(images)}")
        return Echo(images)

    def close(self) -> None:
        self.done.append("close")


def batch(*brightness: int) -> Batch:
    images = np.stack([np.full((32, 32, 3), value, np.uint8) for value in brightness])
    frames = tuple(
        Frame(STREAM, index, index, index, Fraction(1, 25), 0.0, Picture.of(image))
        for index, image in enumerate(images)
    )
    return Batch(frames, (Letterbox.fit((32, 32), (32, 32)),) * len(frames), images)


def test_each_batch_comes_out_with_what_the_engine_said_of_it() -> None:
    submit, collect = Submit(EchoEngine), Collect()
    submit.open()
    batches = [batch(10), batch(20, 30), batch(40)]
    in_flight = [item for each in batches for item in submit.process(each)]
    inferred = [result for item in in_flight for result in collect.process(item)]
    assert [result.batch for result in inferred] == batches
    assert [result.candidates.scores.ravel().tolist() for result in inferred] == [
        [10],
        [20, 30],
        [40],
    ]
    assert [len(item.tickets) for item in in_flight] == [1, 2, 1]


def test_the_engine_is_opened_on_the_thread_that_submits() -> None:
    engines: list[EchoEngine] = []

    def open_engine() -> EchoEngine:
        engines.append(EchoEngine())
        return engines[-1]

    submit = Submit(open_engine)
    assert not engines
    thread = Thread(target=submit.open, name="submit")
    thread.start()
    thread.join()
    assert [engine.opened_on for engine in engines] == ["submit"]


def test_the_engine_outlives_the_stage_that_opened_it() -> None:
    engine = EchoEngine()
    submit, collect = Submit(lambda: engine), Collect()
    submit.open()
    (item,) = submit.process(batch(10))
    submit.close()
    (inferred,) = collect.process(item)
    collect.close()
    assert inferred.candidates.scores.tolist() == [[[10]]]
    assert engine.done == ["submit 1"]
    submit.close_engine()
    submit.close_engine()
    assert engine.done == ["submit 1", "close"]


def test_an_engine_that_could_not_be_opened_need_not_be_closed() -> None:
    def refuse() -> EchoEngine:
        raise ModelError("no model 'x.onnx'")

    submit = Submit(refuse)
    with pytest.raises(ModelError):
        submit.open()
    submit.close()
    submit.close_engine()
