"""The slots of the TensorRT engine, on a GPU simulated in numpy: order, capacity, release."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.engines.batch_sizes import batch_sizes
from detector.engines.tensorrt import TensorRtEngine
from detector.errors import FramelaneError, ModelError
from detector.hardware.cuda_driver import CudaError
from detector.manifest import Manifest
from tests.support.cuda_twin import CudaTwin, PlanTwin
from tests.support.fake_manifest import fake_manifest

SIZE, ROWS = (8, 12), 5
MANIFEST = replace(fake_manifest(SIZE, max_batch=6), top_k=ROWS)


def corner_pixels(images: UInt8Array) -> Candidates:
    """Return the first pixels of each image as boxes and scores, to tell images apart."""
    n = len(images)
    boxes = images.reshape(n, -1)[:, : ROWS * 4].reshape(n, ROWS, 4)
    scores = images.reshape(n, -1)[:, :ROWS].reshape(n, ROWS, 1)
    return Candidates(boxes.astype(np.float32), scores.astype(np.float32))


def opened(
    cuda: CudaTwin, *, manifest: Manifest = MANIFEST, slots: int = 2, graphs: bool = True
) -> tuple[TensorRtEngine, PlanTwin]:
    plans: list[PlanTwin] = []

    def load() -> PlanTwin:
        plans.append(PlanTwin(cuda, corner_pixels))
        return plans[0]

    return TensorRtEngine(manifest, cuda, load, slots=slots, graphs=graphs), plans[0]


def noise(count: int, seed: int = 0) -> UInt8Array:
    return np.random.default_rng(seed).integers(0, 256, (count, *SIZE, 3), np.uint8)


def assert_answers(found: Candidates, images: UInt8Array) -> None:
    expected = corner_pixels(images)
    np.testing.assert_array_equal(found.boxes_xyxy, expected.boxes_xyxy)
    np.testing.assert_array_equal(found.scores, expected.scores)


@pytest.mark.parametrize("graphs", [True, False])
def test_batches_of_every_size_give_their_own_results(graphs: bool) -> None:
    engine, _ = opened(CudaTwin(), graphs=graphs)
    for turn in range(2):
        for count in range(1, 7):
            images = noise(count, seed=10 * turn + count)
            assert_answers(engine.submit(images).result(), images)
    engine.close()


@pytest.mark.parametrize("graphs", [True, False])
def test_batches_in_flight_do_not_mix(graphs: bool) -> None:
    engine, _ = opened(CudaTwin(), slots=3, graphs=graphs)
    batches = [noise(count, seed=count) for count in (4, 1, 6)]
    handed = [engine.submit(images) for images in batches]
    for pending, images in zip(reversed(handed), reversed(batches), strict=True):
        assert_answers(pending.result(), images)
    engine.close()


def test_there_is_a_context_for_each_power_of_two_and_the_largest_batch() -> None:
    assert batch_sizes(MANIFEST) == (1, 2, 4, 6)
    assert batch_sizes(replace(MANIFEST, max_batch=8)) == (1, 2, 4, 8)
    assert batch_sizes(replace(MANIFEST, max_batch=1)) == (1,)
    assert batch_sizes(replace(MANIFEST, dynamic_batch=False)) == (6,)
    engine, plan = opened(CudaTwin(), slots=2)
    assert plan.contexts == 2 * 4
    engine.close()


def test_nothing_is_allocated_after_the_warm_up() -> None:
    cuda = CudaTwin()
    engine, _ = opened(cuda)
    held = list(cuda.held)
    for count in (6, 1, 3):
        engine.submit(noise(count)).result()
        assert cuda.held == held
    engine.close()


def test_a_graph_takes_one_call_per_batch_instead_of_four() -> None:
    def calls_per_batch(graphs: bool) -> int:
        cuda = CudaTwin()
        engine, _ = opened(cuda, graphs=graphs)
        before = cuda.calls
        engine.submit(noise(2)).result()
        made = cuda.calls - before
        engine.close()
        return made

    assert calls_per_batch(graphs=True) == 1 + 2  # two to mark the end and to wait for it
    assert calls_per_batch(graphs=False) == 4 + 2


@pytest.mark.parametrize("graphs", [True, False])
def test_closing_releases_everything_also_twice(graphs: bool) -> None:
    cuda = CudaTwin()
    engine, _ = opened(cuda, graphs=graphs)
    engine.submit(noise(1)).result()
    engine.close()
    assert cuda.held == []
    engine.close()
    with pytest.raises(AssertionError, match="the engine is closed"):
        engine.submit(noise(1))


def test_results_can_be_taken_after_the_close() -> None:
    cuda = CudaTwin()
    engine, _ = opened(cuda)
    batches = [noise(2, seed) for seed in range(2)]
    handed = [engine.submit(images) for images in batches]
    engine.close()
    assert cuda.held == []
    for pending, images in zip(handed, batches, strict=True):
        assert_answers(pending.result(), images)


@pytest.mark.parametrize("graphs", [True, False])
def test_a_failure_at_any_call_of_the_start_releases_everything(graphs: bool) -> None:
    started, number = False, 0
    while not started:
        cuda = CudaTwin(fails_at=number)
        try:
            engine, _ = opened(cuda, graphs=graphs)
        except FramelaneError:
            pass  # the scripted failure
        else:
            started = True
            engine.close()
        assert cuda.held == [], f"after call {number} failed"
        number += 1
    assert number > 60  # the calls that starting two slots takes


@pytest.mark.parametrize("number", range(6))
def test_a_batch_that_failed_halfway_is_waited_for_before_its_memory_is_released(
    number: int,
) -> None:
    cuda = CudaTwin()
    engine, _ = opened(cuda, slots=1, graphs=False)
    cuda.fails_at = cuda.calls + number
    with pytest.raises(CudaError):
        engine.submit(noise(3)).result()
    engine.close()
    assert cuda.held == []


@pytest.mark.parametrize("graphs", [True, False])
def test_after_a_failed_batch_the_next_is_right_and_close_releases_everything(
    graphs: bool,
) -> None:
    failures = 0
    for number in range(20):
        cuda = CudaTwin()
        engine, _ = opened(cuda, slots=1, graphs=graphs)
        cuda.fails_at = cuda.calls + number
        images = noise(3)
        try:
            assert_answers(engine.submit(images).result(), images)
        except CudaError:
            failures += 1
            following = noise(5, seed=number)
            assert_answers(engine.submit(following).result(), following)
        engine.close()
        assert cuda.held == []
    assert failures == (3 if graphs else 6)


def test_an_error_of_tensorrt_is_raised_and_frees_the_slot() -> None:
    cuda = CudaTwin()
    engine, plan = opened(cuda, slots=1, graphs=False)
    plan.runs = False
    for _ in range(3):
        with pytest.raises(
            FramelaneError, match="TensorRT could not start on a batch: as the test"
        ):
            engine.submit(noise(1))
    plan.runs = True
    images = noise(4)
    assert_answers(engine.submit(images).result(), images)
    engine.close()
    assert cuda.held == []


def test_the_error_for_a_model_that_cannot_be_captured_says_how_to_run_it() -> None:
    cuda = CudaTwin()
    load = partial(PlanTwin, cuda, corner_pixels, captures=False)
    with pytest.raises(ModelError, match="cannot be a CUDA graph: set graphs to false"):
        TensorRtEngine(MANIFEST, cuda, load)
    assert cuda.held == []
