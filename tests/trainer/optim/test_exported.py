"""A training that starts from an exported model starts where that model is, by ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper

from detector.detections import UInt8Array
from detector.errors import UsageError
from detector.export import folding
from detector.export.onnx_export import export_model
from detector.weights.zoo import bundled_models
from detector.yolov7.description import Form
from detector.yolov7.network import Network, build_network, network_of
from detector.yolov7.weights import NetworkWeights
from tests.support.weights import reference_arrays
from trainer.data.video_frames import VideoFrames
from trainer.loss.anchors import set_anchors
from trainer.optim.transfer import found_weights, transfer

WIDTH = 0.0625
Floats = NDArray[np.float32]


class Found(NamedTuple):
    """The best rows of images: boxes (n, k, 4) in pixels, scores (n, k, classes)."""

    boxes: Floats
    scores: Floats


def by_onnx_runtime(model: Path, images: UInt8Array) -> Found:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return Found(*session.run(["boxes", "scores"], {"images": images}))


@torch.no_grad()
def by_torch(network: Network, images: UInt8Array, count: int) -> Found:
    """Return all rows of a network in evaluation mode that are among the best `count`."""
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    rows = network.decode(network.eval()(pixels))
    scores = rows[..., 4:5] * rows[..., 5:]
    best = scores.amax(2).topk(count).indices[..., None]
    centre, size = rows[..., :2], rows[..., 2:4]
    boxes = torch.cat((centre - size / 2, centre + size / 2), dim=2)
    return Found(
        torch.take_along_dim(boxes, best, 1).numpy(), torch.take_along_dim(scores, best, 1).numpy()
    )


def assert_same(network: Network, model: Path, images: UInt8Array) -> None:
    """Rows of nearly equal scores may swap, so boxes are compared where scores are apart."""
    theirs = by_onnx_runtime(model, images)
    ours = by_torch(network, images, theirs.scores.shape[1])
    ranks = theirs.scores.max(2)
    np.testing.assert_allclose(ours.scores.max(2), ranks, rtol=1e-3, atol=2e-5)
    gaps = np.abs(np.diff(ranks, axis=1)) > 1e-4
    apart = np.ones(ranks.shape, bool)
    apart[:, 1:] &= gaps
    apart[:, :-1] &= gaps
    assert apart.sum() >= 10
    np.testing.assert_allclose(ours.scores[apart], theirs.scores[apart], rtol=1e-3, atol=2e-5)
    np.testing.assert_allclose(ours.boxes[apart], theirs.boxes[apart], rtol=1e-3, atol=0.01)


def noise(size: int, count: int = 2) -> UInt8Array:
    return np.random.default_rng(3).integers(0, 256, (count, size, size, 3), np.uint8)


def exported(weights: NetworkWeights, folder: Path, size: int, precision: str = "fp32") -> Path:
    path = folder / "exported.onnx"
    names = [f"class {i}" for i in range(weights.classes)]
    export_model(weights, path, class_names=names, size=(size, size), precision=precision)
    return path


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("yolov7-tiny", "training"),
        ("yolov7-tiny-silu", "deployed"),
        ("yolov7", "training"),
        ("yolov7x", "training"),
        ("yolov7-w6", "training"),
        ("yolov7-w6", "deployed"),
        ("yolov7-e6", "training"),
        ("yolov7-d6", "training"),
        ("yolov7-e6e", "training"),
    ],
)
def test_every_network_computes_what_its_export_does(name: str, form: Form, tmp_path: Path) -> None:
    weights = reference_arrays(name, form, classes=3, prefix="x", width=WIDTH)
    source = network_of(weights)
    set_anchors(source, (source.anchors.reshape(-1, 2) * 1.25).numpy())  # as if fitted to data
    model = exported(source.weights(), tmp_path, 128)
    torch.manual_seed(1)
    network = build_network(name, classes=3, width=WIDTH)
    missing = transfer(model, network)
    assert_same(network, model, noise(128))
    # what inference never had: auxiliary heads with their rows, and the 1x1 beside a 3x3
    lead = network.description.lead_rows()
    for parameter in missing:
        number = int(parameter.split(".")[1])
        assert number not in lead or ".m2." in parameter or ".rbr_1x1.0." in parameter, parameter


def test_the_bundled_model_of_an_older_exporter_is_read(data: Path) -> None:
    network = build_network("yolov7-tiny", classes=3, width=0.5)
    assert transfer(found_weights(Path("street")), network) == []
    clip = data / "street" / "videos" / "person-bicycle-car-detection.mp4"
    images = np.stack([cv2.resize(VideoFrames(clip).read(k), (672, 384)) for k in (60, 140)])
    assert_same(network, bundled_models()["street"], images.astype(np.uint8))


def test_half_precision_is_read_as_it_is_rounded(tmp_path: Path) -> None:
    weights = reference_arrays("yolov7-tiny", "training", classes=2, prefix="x", width=WIDTH)
    half = exported(weights, tmp_path, 64, "fp16")
    network = build_network("yolov7-tiny", classes=2, width=WIDTH)
    assert transfer(half, network) == []
    whole = folding.conv(weights.arrays, "model.0.conv", "model.0.bn").weight()
    np.testing.assert_array_equal(
        network.get_parameter("model.0.conv.weight").detach().numpy(), whole.astype(np.float16)
    )


def test_with_other_classes_only_the_head_is_new(tmp_path: Path) -> None:
    weights = reference_arrays("yolov7-tiny", "training", classes=2, prefix="x", width=WIDTH)
    network = build_network("yolov7-tiny", classes=5, width=WIDTH)
    new = transfer(exported(weights, tmp_path, 64), network)
    parts = ("m.{}.weight", "m.{}.bias", "im.{}.implicit")
    assert sorted(new) == sorted(f"model.77.{p.format(i)}" for p in parts for i in range(3))


def refusal(path: Path, name: str = "yolov7-tiny", width: float = WIDTH) -> str:
    with pytest.raises(UsageError) as caught:
        transfer(path, build_network(name, classes=2, width=width))
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_files_that_cannot_be_trained_on_are_refused(tmp_path: Path) -> None:
    weights = reference_arrays("yolov7-tiny", "training", classes=2, prefix="x", width=WIDTH)
    own = exported(weights, tmp_path, 64)
    assert "(8, 3, 3, 3), but (16, 3, 3, 3) in yolov7-tiny at width 0.5" in refusal(own, width=0.5)
    assert "so Framelane did not export it from yolov7: give" in refusal(own, "yolov7")
    assert "so Framelane did not export it from yolov7-w6: give" in refusal(own, "yolov7-w6")

    model = onnx.load(own)
    model.graph.node[0].op_type = "QuantizeLinear"
    int8 = tmp_path / "rounded.onnx"
    onnx.save(model, int8)
    assert "is an INT8 model, whose weights are rounded: give the .onnx in FP32" in refusal(int8)

    node = helper.make_node("Conv", ["x", "conv1.weight"], ["y"])
    values = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 8, 8]) for name in "xy")
    kernel = helper.make_tensor("conv1.weight", TensorProto.FLOAT, [3, 3, 1, 1], [0.0] * 9)
    graph = helper.make_graph([node], "other", [next(values)], [next(values)], [kernel])
    foreign = tmp_path / "foreign.onnx"
    onnx.save(helper.make_model(graph), foreign)
    assert "was not exported by Framelane from one of its networks" in refusal(foreign)

    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(own.read_bytes()[:-100])
    assert "is not an ONNX file, or it is damaged" in refusal(damaged)
    assert "no file" in refusal(tmp_path / "absent.onnx")
