"""Every engine behaves the same: order, slots, results that do not change, errors."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from inspect import signature
from pathlib import Path
from threading import Event, Thread

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.engines import ENGINES, Engine, Pending, engine_opener, fake, make_engine, openvino
from detector.engines.tensorrt import TensorRtEngine
from detector.errors import FramelaneError, ModelError
from detector.export.onnx_export import export_model
from detector.hardware.cuda_driver import Gpu, find_gpus
from detector.manifest import Manifest, manifest_path, sha256_of
from detector.weights.torch_networks import save_weights
from detector.yolov7.network import build_network
from tests.support.cuda_twin import CudaTwin, PlanTwin
from tests.support.environment import absent
from tests.support.fake_manifest import fake_manifest
from tests.support.paths import ROOT
from tests.support.weights import reference_weights

SIZE, CLASSES = (64, 96), ("a", "b", "c")
ROWS = 378  # of the model: 3 anchors on 8 x 12, 4 x 6 and 2 x 3 cells
CAP = 20  # seconds a test waits at most for an event


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small exported network whose scores depend on the image."""
    network = build_network("yolov7-tiny", classes=3, width=0.125)
    network.load_state_dict(reference_weights(network, prefix=""))
    path = tmp_path_factory.mktemp("engines") / "small.onnx"
    weights = path.with_suffix(".safetensors")
    save_weights(network, weights, class_names=CLASSES, size=SIZE)
    export_model(
        network.weights(), path, class_names=CLASSES, size=SIZE, weights_sha256=sha256_of(weights)
    )
    return path


def mean_as_score(images: UInt8Array) -> Candidates:
    """Return one box per image whose score is the image's mean, to tell images apart."""
    means = images.mean(axis=(1, 2, 3)).astype(np.float32) / 255
    boxes = np.zeros((len(images), 1, 4), np.float32)
    return Candidates(boxes, means[:, None, None])


def rows_by_brightness(images: UInt8Array) -> Candidates:
    """Return as many rows as the model has, with higher scores for brighter images."""
    means = images.mean(axis=(1, 2, 3), dtype=np.float64) / 255
    ranks = np.linspace(1, 0, ROWS)[:, None] * np.linspace(1, 0.5, 3)
    scores = means[:, None, None] * ranks
    boxes = np.broadcast_to(images[:, :1, :4, 0], (len(images), ROWS, 4))
    return Candidates(boxes.astype(np.float32), scores.astype(np.float32))


def tensorrt_on_a_twin(model: Path) -> Engine:
    """Return the TensorRT engine with its slots, on a GPU simulated in numpy."""
    cuda = CudaTwin()
    manifest = Manifest.beside(model)
    plan = partial(PlanTwin, cuda, rows_by_brightness)
    return TensorRtEngine(manifest, cuda, plan, slots=2)


MAKERS: dict[str, Callable[[Path], Engine]] = {  # each engine, some in two ways
    "fake": lambda model: make_engine("fake", model, slots=2, answer=mean_as_score),
    "openvino": lambda model: make_engine("openvino", model, slots=2, threads=1, streams=1),
    "torch": lambda model: make_engine("torch", model, slots=2, device="cpu"),
    "torch on a GPU": lambda model: make_engine("torch", model, slots=2, device="cuda"),
    "tensorrt": lambda model: make_engine("tensorrt", model, slots=2),
    "tensorrt on a twin": tensorrt_on_a_twin,
}
NEED_A_GPU = ("torch on a GPU", "tensorrt")
WITH_GPUS = bool(find_gpus()) or os.environ.get("REQUIRE_CUDA") == "1"


@pytest.fixture(params=[name for name in MAKERS if WITH_GPUS or name not in NEED_A_GPU])
def engine(request: pytest.FixtureRequest, model: Path) -> Iterator[Engine]:
    """Each engine in turn, with two slots."""
    if request.param in NEED_A_GPU:
        request.getfixturevalue("gpu")
    try:
        engine = MAKERS[request.param](model)
    except ModelError as error:
        if request.param not in NEED_A_GPU:
            raise
        absent(str(error), "REQUIRE_CUDA")  # no pycuda, or a torch without CUDA
    yield engine
    engine.close()


def test_every_engine_of_the_table_is_tested() -> None:
    assert set(ENGINES) <= set(MAKERS)


def test_engines_that_need_a_gpu_are_among_those_tested(gpu: Gpu) -> None:
    """One skip that says what is left out here, instead of one for each test."""
    assert WITH_GPUS, gpu


@pytest.mark.parametrize("name", ENGINES)
def test_the_table_says_which_engines_take_the_option_streams(name: str) -> None:
    assert ENGINES[name].has_streams == ("streams" in signature(engine_opener(name)).parameters)


def noise(count: int) -> list[UInt8Array]:
    r = np.random.default_rng(0)
    scenes = [r.integers(0, 25 * (i + 1), (1, *SIZE, 3)) for i in range(count)]
    return [scene.astype(np.uint8) for scene in scenes]


def alone(engine: Engine, images: UInt8Array) -> Candidates:
    return engine.submit(images).result()


def same(left: Candidates, right: Candidates) -> bool:
    return np.array_equal(left.boxes_xyxy, right.boxes_xyxy) and np.array_equal(
        left.scores, right.scores
    )


def start(run: Callable[[], object]) -> Thread:
    thread = Thread(target=run)
    thread.start()
    return thread


def test_results_belong_to_their_images_in_any_order_of_collection(engine: Engine) -> None:
    first, second = noise(2)
    expected = [alone(engine, first), alone(engine, second)]
    assert not same(*expected)
    pending = [engine.submit(first), engine.submit(second)]
    late, early = pending[1].result(), pending[0].result()
    assert same(early, expected[0]) and same(late, expected[1])


def test_results_have_the_contracts_shapes_and_are_sorted(engine: Engine) -> None:
    found = alone(engine, noise(3)[2])
    best = found.scores.max(axis=2)
    assert len(found) == 1 and (np.diff(best, axis=1) <= 0).all()
    assert best.min() >= 0 and best.max() <= 1


def test_one_thread_submits_while_another_collects_in_order(engine: Engine) -> None:
    scenes = noise(10)
    expected = [alone(engine, scene) for scene in scenes]
    handed: list[Pending] = []
    arrived = [Event() for _ in scenes]

    def submit_all() -> None:
        for scene, event in zip(scenes, arrived, strict=True):
            handed.append(engine.submit(scene))
            event.set()

    submitter = start(submit_all)
    for i, event in enumerate(arrived):
        assert event.wait(CAP)
        assert same(handed[i].result(), expected[i])
    submitter.join(CAP)


def test_submit_waits_while_all_slots_are_taken(engine: Engine) -> None:
    scene = noise(1)[0]
    held = [engine.submit(scene) for _ in range(engine.slots)]
    entered, extra = Event(), Event()
    late: list[Pending] = []

    def submit_one_more() -> None:
        entered.set()
        late.append(engine.submit(scene))
        extra.set()

    thread = start(submit_one_more)
    assert entered.wait(CAP)
    assert not extra.wait(0.05)  # there is no event for something that does not happen
    held[0].result()
    assert extra.wait(CAP)
    thread.join(CAP)
    for pending in [*held[1:], *late]:
        pending.result()


def test_a_result_is_not_touched_by_later_batches(engine: Engine) -> None:
    scenes = noise(6)
    first = alone(engine, scenes[0])
    copy = Candidates(first.boxes_xyxy.copy(), first.scores.copy())
    for scene in scenes[1:]:
        alone(engine, scene)
    assert same(first, copy)


def test_images_may_be_reused_once_they_are_submitted(engine: Engine) -> None:
    scene, other = noise(2)
    expected = alone(engine, scene)
    images = scene.copy()
    pending = engine.submit(images)
    images[:] = other
    assert same(pending.result(), expected)


def test_an_image_may_be_a_view_of_a_larger_one(engine: Engine) -> None:
    large = np.random.default_rng(1).integers(0, 255, (1, 100, 200, 3)).astype(np.uint8)
    view = large[:, 7 : 7 + SIZE[0], 11 : 11 + SIZE[1]]
    assert same(alone(engine, view), alone(engine, view.copy()))


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((1, 64, 64, 3), np.uint8),
        np.zeros((64, 96, 3), np.uint8),
        np.zeros((0, 64, 96, 3), np.uint8),
        np.zeros((9, 64, 96, 3), np.uint8),
        np.zeros((1, 3, 64, 96), np.uint8),
        np.zeros((1, 64, 96, 3), np.float32),
    ],
    ids=lambda images: f"{images.dtype}{images.shape}",
)
def test_wrong_images_are_refused_before_a_slot_is_taken(
    engine: Engine, images: UInt8Array
) -> None:
    for _ in range(engine.slots + 1):
        with pytest.raises(ModelError, match=r"the model takes uint8 images \(n, 64, 96, 3\)"):
            engine.submit(images)
    assert len(alone(engine, noise(1)[0])) == 1


def test_a_result_can_be_taken_only_once(engine: Engine) -> None:
    pending = engine.submit(noise(1)[0])
    pending.result()
    with pytest.raises(AssertionError, match="the result was taken"):
        pending.result()


def test_closing_waits_for_batches_in_flight(engine: Engine) -> None:
    scene = noise(1)[0]
    expected = alone(engine, scene)
    pending = engine.submit(scene)
    engine.close()
    assert same(pending.result(), expected)


def test_an_unknown_engine_is_refused_with_the_known_names() -> None:
    with pytest.raises(
        ModelError, match="unknown engine 'onnxruntime'; accepted: fake, openvino, te"
    ):
        make_engine("onnxruntime", Path("model.onnx"))


# The fake engine, which other tests rely on


@pytest.mark.parametrize("hook", ["before_submit", "before_result"])
def test_a_scripted_failure_is_raised_there_and_frees_the_slot(hook: str) -> None:
    def fail_on_the_first(number: int) -> None:
        if number == 0:
            raise FramelaneError("scripted")

    engine = fake.FakeEngine(fake_manifest(SIZE), slots=1, **{hook: fail_on_the_first})  # type: ignore[arg-type]
    with pytest.raises(FramelaneError, match="scripted"):
        alone(engine, noise(1)[0])
    assert len(alone(engine, noise(1)[0])) == 1


def test_a_scripted_delay_holds_the_result_until_it_is_over() -> None:
    go, done = Event(), Event()

    def wait_for_go(_number: int) -> None:
        assert go.wait(CAP)

    engine = fake.FakeEngine(fake_manifest(SIZE), before_result=wait_for_go)
    pending = engine.submit(noise(1)[0])

    def collect() -> None:
        pending.result()
        done.set()

    thread = start(collect)
    assert not done.is_set()
    go.set()
    assert done.wait(CAP)
    thread.join(CAP)


def test_the_fake_takes_batches_up_to_the_manifests_limit() -> None:
    engine = fake.open_engine(manifest=fake_manifest(SIZE, max_batch=4), answer=mean_as_score)
    scenes = np.concatenate(noise(4))
    expected = scenes.reshape(4, -1).mean(axis=1) / 255
    np.testing.assert_allclose(alone(engine, scenes).scores[:, 0, 0], expected, rtol=1e-5)


def test_the_fake_without_a_manifest_says_that_it_needs_one() -> None:
    with pytest.raises(ModelError, match="needs a manifest"):
        fake.open_engine()


# OpenVINO


def test_openvino_fixes_a_dynamic_batch_to_one_image(model: Path) -> None:
    engine = openvino.open_engine(model, threads=1)
    assert (engine.manifest.max_batch, engine.manifest.dynamic_batch) == (1, False)
    assert engine.slots >= 2
    engine.close()


def test_openvino_keeps_a_fixed_batch(model: Path, tmp_path: Path) -> None:
    copy = tmp_path / "four.onnx"
    copy.write_bytes(model.read_bytes())
    manifest = replace(Manifest.beside(model), max_batch=4, dynamic_batch=False)
    manifest.write(manifest_path(copy))
    together = openvino.open_engine(copy, threads=1, precision="fp32")
    single = openvino.open_engine(model, threads=1, precision="fp32")
    scenes = noise(4)
    found = alone(together, np.concatenate(scenes))
    for i, scene in enumerate(scenes):
        np.testing.assert_allclose(found.scores[i], alone(single, scene).scores[0], atol=1e-5)
    together.close()
    single.close()


OPEN_AND_CLOSE = """
import gc, os, signal, sys
from pathlib import Path
from detector.engines.openvino import open_engine

signal.signal(signal.SIGUSR1, lambda *_: print("heard"))
engines = [open_engine(Path(sys.argv[1]), threads=1) for _ in range(2)]
while engines:
    engines.pop(0).close()
    gc.collect()
os.kill(os.getpid(), signal.SIGUSR1)
"""


def test_a_signal_is_handled_after_engines_of_openvino_were_closed(model: Path) -> None:
    line = [sys.executable, "-c", OPEN_AND_CLOSE, str(model)]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr


def test_openvino_refuses_an_unknown_precision_or_device_with_the_known_ones(model: Path) -> None:
    with pytest.raises(ModelError, match="unknown precision 'int4': choose one of auto, int8, f"):
        openvino.open_engine(model, precision="int4")
    with pytest.raises(ModelError, match="no device 'NOSUCH' for OpenVINO: choose one of CPU"):
        openvino.open_engine(model, device="NOSUCH")


@pytest.mark.parametrize("option", ["slots", "streams", "threads"])
def test_openvino_refuses_a_count_below_one(model: Path, option: str) -> None:
    with pytest.raises(ModelError, match=f"{option} is 0, must be 1 or more"):
        openvino.open_engine(model, **{option: 0})  # type: ignore[arg-type]


def test_openvino_refuses_a_file_that_is_not_a_model(model: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a model")
    manifest = replace(Manifest.beside(model), onnx_sha256=sha256_of(broken))
    manifest.write(manifest_path(broken))
    with pytest.raises(ModelError, match=r"OpenVINO cannot use '.*broken.onnx' on CPU: ") as caught:
        openvino.open_engine(broken)
    assert caught.value.__cause__ is not None
    assert str(caught.value).count("\n") == 0


def test_openvino_refuses_a_manifest_of_another_size(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(model.read_bytes())
    replace(Manifest.beside(model), input_size=(128, 96)).write(manifest_path(path))
    with pytest.raises(ModelError, match=r"takes images of 64 x 96 .* its manifest says 128 x 96"):
        make_engine("openvino", path)


def test_openvino_refuses_a_file_that_its_manifest_does_not_describe(
    model: Path, tmp_path: Path
) -> None:
    swapped = tmp_path / "swapped.onnx"
    swapped.write_bytes(model.read_bytes() + b"\0")
    Manifest.beside(model).write(manifest_path(swapped))
    with pytest.raises(ModelError, match="is not the file its manifest describes"):
        openvino.open_engine(swapped)


@pytest.fixture
def picky(tmp_path: Path) -> Path:
    """A model that fails while it runs, unless the largest byte of the image is 2.

    Its outputs are eight zeros, shaped (1, brightest, 4).
    """
    ends = helper.make_tensor("ends", TensorProto.INT64, [1], [1])
    four = helper.make_tensor("four", TensorProto.INT64, [1], [4])
    eight = helper.make_tensor("eight", TensorProto.FLOAT, [8], [0.0] * 8)
    nodes = [
        helper.make_node("Cast", ["images"], ["numbers"], to=TensorProto.INT32),
        helper.make_node("ReduceMax", ["numbers"], ["scalar"], keepdims=0),
        helper.make_node("Cast", ["scalar"], ["brightest"], to=TensorProto.INT64),
        helper.make_node("Reshape", ["brightest", "ends"], ["k"]),
        helper.make_node("Concat", ["ends", "k", "four"], ["shape"], axis=0),
        helper.make_node("Reshape", ["eight", "shape"], ["boxes"]),
        helper.make_node("Reshape", ["eight", "shape"], ["scores"]),
    ]
    images = helper.make_tensor_value_info("images", TensorProto.UINT8, [1, *SIZE, 3])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, None, 4])
        for name in ("boxes", "scores")
    ]
    graph = helper.make_graph(nodes, "picky", [images], outputs, [ends, four, eight])
    opset = [helper.make_opsetid("", 17)]
    path = tmp_path / "picky.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    manifest = replace(fake_manifest(SIZE, max_batch=1), onnx_sha256=sha256_of(path))
    manifest.write(manifest_path(path))
    return path


def test_openvino_reports_a_failed_batch_and_frees_its_slot(picky: Path) -> None:
    engine = openvino.open_engine(picky, slots=1, threads=1)
    fine, broken = (np.full((1, *SIZE, 3), byte, np.uint8) for byte in (2, 7))
    for _ in range(3):
        with pytest.raises(FramelaneError, match="OpenVINO failed on a batch: ") as caught:
            alone(engine, broken)
        assert isinstance(caught.value.__cause__, RuntimeError)
    assert alone(engine, fine).boxes_xyxy.shape == (1, 2, 4)
    engine.submit(broken)
    engine.close()
