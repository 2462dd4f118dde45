"""Every network of the family exports to a model that computes the same as torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from detector.engines import openvino
from detector.export.onnx_export import export_model
from detector.manifest import Manifest
from detector.yolov7.description import network_names
from detector.yolov7.network import Network, build_network
from tests.support.weights import reference_weights

SIZE = (128, 192)


def small(name: str) -> Network:
    """Build a narrow network in training form whose scores differ from cell to cell."""
    network = build_network(name, classes=3, width=0.06).eval()
    network.load_state_dict(reference_weights(network, prefix=""))
    return network


@pytest.mark.parametrize("name", network_names())
def test_an_exported_network_returns_the_best_rows_of_the_trained_one(
    name: str, tmp_path: Path
) -> None:
    network, path = small(name), tmp_path / f"{name}.onnx"
    manifest = export_model(network.weights(), path, class_names=("a", "b", "c"), size=SIZE)
    assert Manifest.beside(path) == manifest and manifest.strides == network.strides

    images = np.random.default_rng(7).integers(0, 256, (1, *SIZE, 3)).astype(np.uint8)
    engine = openvino.open_engine(path, threads=1, precision="fp32")
    found = engine.submit(images).result()
    engine.close()

    with torch.no_grad():
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
        rows = network.decode(network(pixels))[0].double().numpy()
    scores = rows[:, 4:5] * rows[:, 5:]
    ranked = np.sort(scores.max(axis=1))[::-1][:512]
    assert np.ptp(ranked) > 0.01  # the comparison means something
    np.testing.assert_allclose(found.scores[0].max(axis=1), ranked, atol=1e-3)
    corners = np.concatenate((rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2), 1)
    far = np.abs(found.boxes_xyxy[0][:, None] - corners[None]).max(axis=2)
    far += np.abs(found.scores[0][:, None] - scores[None]).max(axis=2)
    assert far.min(axis=1).max() < 0.5
    assert len(set(far.argmin(axis=1))) == len(ranked)


def test_the_stem_of_p6_networks_is_strided_slices_which_every_runtime_supports(
    tmp_path: Path,
) -> None:
    path = tmp_path / "w6.onnx"
    export_model(small("yolov7-w6").weights(), path, class_names=("a", "b", "c"), size=(64, 64))
    operations = {node.op_type for node in onnx.load(path).graph.node}
    assert "Slice" in operations
    assert not operations & {"SpaceToDepth", "GatherND", "ScatterND", "BatchNormalization"}
