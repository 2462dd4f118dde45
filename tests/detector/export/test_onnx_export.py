"""The exported graph computes what the network computes, with the contract's outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto

from detector.acceptance.agreement import compare
from detector.acceptance.sample_images import read_images
from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.engines import openvino
from detector.errors import ModelError
from detector.export.fp16 import to_half
from detector.export.onnx_export import export_model
from detector.manifest import Manifest
from detector.tolerance import usual_tolerances
from detector.weights.zoo import find_model
from detector.yolov7.description import network_names
from detector.yolov7.network import Network, build_network
from detector.yolov7.random_weights import random_weights
from tests.support.graphs import by_definition, to_the_letter
from tests.support.random_network import random_network
from tests.support.weights import reference_weights

NAMES = ("person", "bicycle", "car")
SIZE = (256, 352)


@pytest.fixture(scope="module")
def network() -> Network:
    """A network whose scores differ from cell to cell."""
    network = build_network("yolov7-tiny", classes=3, width=0.25).eval()
    network.load_state_dict(reference_weights(network, prefix=""))
    return network


@pytest.fixture(scope="module")
def model(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exported network."""
    path = tmp_path_factory.mktemp("export") / "small.onnx"
    export_model(network.weights(), path, class_names=NAMES, size=SIZE, accuracy={"AP50": 0.5})
    return path


@pytest.fixture(scope="module")
def image(data: Path) -> UInt8Array:
    """A photograph for the network."""
    return photograph(data, SIZE)


def photograph(data: Path, size: tuple[int, int]) -> UInt8Array:
    """Return a photograph, letterboxed: (1, h, w, 3) uint8, RGB."""
    return read_images(sorted((data / "tinycoco").rglob("*.jpg"))[0], size, 1)


def assert_agrees(found: Candidates, network: Network, images: UInt8Array) -> None:
    """Check boxes to half a pixel, scores to 1e-3; rows of equal score may be swapped."""
    boxes, scores = by_definition(network, images)
    for i in range(len(found)):
        k = len(found.scores[i])
        ranked = scores[i, :k].max(axis=1)
        np.testing.assert_allclose(found.scores[i].max(axis=1), ranked, atol=1e-3)
        far = np.abs(found.boxes_xyxy[i][:, None] - boxes[i][None]).max(axis=2)
        nearest = far.argmin(axis=1)
        assert far.min(axis=1).max() < 0.5
        assert len(set(nearest)) == k
        np.testing.assert_allclose(found.scores[i], scores[i][nearest], atol=1e-3)


def test_openvino_computes_the_same_as_torch_on_a_photograph(
    network: Network, model: Path, image: UInt8Array
) -> None:
    engine = openvino.open_engine(model, threads=2, precision="fp32")
    found = engine.submit(image).result()
    assert found.boxes_xyxy.shape == (1, 512, 4) and found.scores.shape == (1, 512, 3)
    assert np.ptp(found.scores) > 0.1  # the comparison means something
    assert_agrees(found, network, image)
    engine.close()


def test_a_dynamic_batch_has_each_images_own_rows(network: Network, model: Path) -> None:
    from detector.hardware.openvino_core import CORE

    r = np.random.default_rng(0)
    images = r.integers(0, 255, (3, *SIZE, 3)).astype(np.uint8)
    images[1] //= 4
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 2}
    compiled = CORE.compile_model(model, "CPU", options)
    outputs = compiled([images])
    assert_agrees(Candidates(outputs["boxes"], outputs["scores"]), network, images)


@pytest.mark.parametrize("name", ["yolov7-tiny", "yolov7", "yolov7-w6"])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_file_run_exactly_computes_the_same_as_torch_on_a_photograph(
    name: str, precision: str, data: Path, tmp_path: Path
) -> None:
    """Within half a pixel and 1e-3 in FP32, a pixel and 5e-3 in FP16."""
    size = (192, 256)
    images = photograph(data, size)
    network = random_network(name, images, classes=3, width=0.125)
    path = tmp_path / "model.onnx"
    export_model(network.weights(), path, class_names=NAMES, size=size, precision=precision)
    boxes, scores = (part.astype(np.float32) for part in by_definition(network, images))
    agreement = compare(
        [Candidates(boxes, scores)],
        [to_the_letter(path, images)],
        usual_tolerances(size)[precision],
    )
    assert agreement.detections > 100 and agreement.share == 1
    assert np.ptp(scores) > 0.3  # the comparison means something


def test_a_trained_model_keeps_its_boxes_in_half_precision(data: Path, tmp_path: Path) -> None:
    street = find_model("street")
    manifest = Manifest.beside(street)
    clip = data / "street/videos/one-by-one-person-detection.mp4"
    images = read_images(clip, manifest.input_size, 2)
    half = tmp_path / "half.onnx"
    onnx.save(to_half(onnx.load(street)), half)
    full = [to_the_letter(street, image[None]) for image in images]
    found = [to_the_letter(half, image[None]) for image in images]
    agreement = compare(full, found, manifest.tolerance_of("fp16"))
    assert agreement.detections > 10 and agreement.share == 1


def test_the_graph_casts_its_input_bytes_and_returns_named_float_outputs(model: Path) -> None:
    graph = onnx.load(model).graph
    assert [node.op_type for node in graph.node if "images" in node.input] == ["Cast"]
    described = {
        value.name: (
            value.type.tensor_type.elem_type,
            [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim],
        )
        for value in [*graph.input, *graph.output]
    }
    assert described == {
        "images": (TensorProto.UINT8, ["n", *SIZE, 3]),
        "boxes": (TensorProto.FLOAT, ["n", 512, 4]),
        "scores": (TensorProto.FLOAT, ["n", 512, 3]),
    }


@pytest.mark.parametrize("name", network_names())
def test_the_graph_has_only_operations_that_every_runtime_supports(
    name: str, tmp_path: Path
) -> None:
    weights = random_weights(name, classes=3, width=0.05, seed=0)
    path = tmp_path / "small.onnx"
    export_model(weights, path, class_names=NAMES, size=(64, 64))
    operations = {node.op_type for node in onnx.load(path).graph.node}
    refused = {"GatherElements", "GatherND", "ScatterND", "NonZero", "SpaceToDepth"}
    assert not operations & (refused | {"BatchNormalization"})  # that one: nothing was folded


def test_half_precision_is_that_of_a_converted_float_model(tmp_path: Path) -> None:
    weights = random_weights("yolov7-w6", classes=3, width=0.05, seed=0)
    paths = {precision: tmp_path / f"{precision}.onnx" for precision in ("fp32", "fp16")}
    for precision, path in paths.items():
        export_model(weights, path, class_names=NAMES, size=(64, 64), precision=precision)
    converted = tmp_path / "converted.onnx"
    onnx.save(to_half(onnx.load(paths["fp32"])), converted)
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype(np.uint8)
    ours, theirs = (to_the_letter(path, images) for path in (paths["fp16"], converted))
    assert np.array_equal(ours.scores, theirs.scores)
    assert np.array_equal(ours.boxes_xyxy, theirs.boxes_xyxy)


def test_a_weight_too_large_for_half_precision_is_named_and_leaves_no_file(tmp_path: Path) -> None:
    weights = random_weights("yolov7-tiny", classes=3, width=0.05, seed=0)
    weights.arrays["model.5.bn.weight"][:] = 1e6
    with pytest.raises(ModelError, match=r"'model\.5\.conv\.weight' holds numbers up to \d+; half"):
        export_model(
            weights, tmp_path / "x.onnx", class_names=NAMES, size=(64, 64), precision="fp16"
        )
    assert not list(tmp_path.iterdir())


def test_the_manifest_describes_the_export(model: Path) -> None:
    manifest = Manifest.beside(model)
    manifest.verify(model)
    assert manifest.classes == NAMES
    assert (manifest.input_size, manifest.strides) == (SIZE, (8, 16, 32))
    assert (manifest.precision, manifest.top_k, manifest.pad_value) == ("fp32", 512, 114)
    assert (manifest.dynamic_batch, manifest.max_batch) == (True, 8)
    assert manifest.tools == {"onnx": onnx.__version__}
    assert manifest.accuracy == {"AP50": 0.5}


def test_fewer_rows_than_asked_for_are_all_returned(network: Network, tmp_path: Path) -> None:
    path = tmp_path / "tiny.onnx"
    manifest = export_model(network.weights(), path, class_names=NAMES, size=(32, 64))
    assert manifest.top_k == 3 * (4 * 8 + 2 * 4 + 1 * 2)
    engine = openvino.open_engine(path, threads=1)
    found = engine.submit(np.zeros((1, 32, 64, 3), np.uint8)).result()
    assert found.scores.shape == (1, manifest.top_k, 3)
    engine.close()


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_with_a_fixed_batch_no_dimension_is_dynamic(
    precision: str, network: Network, tmp_path: Path
) -> None:
    path = tmp_path / "two.onnx"
    manifest = export_model(
        network.weights(), path, class_names=NAMES, size=(64, 96), precision=precision, batch=2
    )
    assert (manifest.max_batch, manifest.dynamic_batch) == (2, False)
    assert manifest.precision == precision
    described = onnx.shape_inference.infer_shapes(onnx.load(path), data_prop=True).graph
    values = [*described.input, *described.output, *described.value_info]
    dims = [dim for value in values for dim in value.type.tensor_type.shape.dim]
    assert all(dim.WhichOneof("value") == "dim_value" for dim in dims)
    assert [value.type.tensor_type.shape.dim[0].dim_value for value in values[:3]] == [2, 2, 2]
    images = np.random.default_rng(0).integers(0, 255, (2, 64, 96, 3)).astype(np.uint8)
    assert len(to_the_letter(path, images)) == 2


def test_exporting_does_not_change_the_network(tmp_path: Path) -> None:
    live = build_network("yolov7-tiny", classes=3, width=0.125).train()
    before = {name: value.clone() for name, value in live.state_dict().items()}
    export_model(live.weights(), tmp_path / "live.onnx", class_names=NAMES, size=(64, 64))
    assert live.training and all(p.requires_grad for p in live.parameters())
    assert all(torch.equal(before[name], value) for name, value in live.state_dict().items())


@pytest.mark.parametrize(
    ("size", "example"), [((250, 352), "256 x 352"), ((0, 64), "32 x 64"), ((640, 9), "640 x 32")]
)
def test_a_size_that_does_not_fit_the_strides_is_refused_with_the_nearest_that_does(
    size: tuple[int, int], example: str, network: Network, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=f"multiples of 32, for example {example}$"):
        export_model(network.weights(), tmp_path / "odd.onnx", class_names=NAMES, size=size)
    assert not list(tmp_path.iterdir())
