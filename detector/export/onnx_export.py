"""Export a network to ONNX that takes bytes and returns the best boxes, with its manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx

from detector.atomic_write import replacing
from detector.errors import ModelError
from detector.export.contract import Contract
from detector.export.graph_builder import GraphBuilder, check_model
from detector.export.network_graph import network_graph
from detector.export.onnx_file import write_model
from detector.letterbox import PAD_VALUE
from detector.manifest import Manifest, manifest_path, sha256_of
from detector.yolov7.weights import NetworkWeights


def export_model(
    network: NetworkWeights,
    path: Path,
    *,
    class_names: Sequence[str],
    size: tuple[int, int],
    precision: str = "fp32",
    batch: int | None = None,
    max_batch: int = 8,
    top_k: int = 512,
    weights_sha256: str | None = None,
    accuracy: Mapping[str, float] | None = None,
) -> Manifest:
    """Write `path` (.onnx) and its manifest, and return the manifest.

    size: (height, width) of the letterboxed images, multiples of the largest stride
    precision: fp32, or fp16 up to the logits of the head
    batch: fixed batch size of the graph; None: any up to `max_batch`
    top_k: rows per image; fewer if the network has fewer
    Raises ModelError for a size that the network does not accept, or weights too large for fp16.
    """
    assert len(class_names) == network.classes, (len(class_names), network.classes)
    assert precision in ("fp32", "fp16"), precision
    strides = network.description.strides
    _check_size(network.name, strides, size)
    rows = sum(network.per_cell * (size[0] // s) * (size[1] // s) for s in strides)
    contract = Contract(size, network.classes, rows, min(top_k, rows), batch)
    graph = GraphBuilder()
    model = network_graph(network, graph, contract, precision)
    check_model(model, graph.weights)
    with replacing(path) as written:
        write_model(model, graph.weights, written)
        digest = sha256_of(written)
    manifest = Manifest(
        classes=tuple(class_names),
        input_size=size,
        strides=strides,
        precision=precision,
        max_batch=batch or max_batch,
        dynamic_batch=batch is None,
        top_k=contract.top_k,
        pad_value=PAD_VALUE,
        onnx_sha256=digest,
        weights_sha256=weights_sha256,
        tools={"onnx": onnx.__version__},
        accuracy=dict(accuracy or {}),
    )
    # After the model: an old manifest never matches a new model
    manifest.write(manifest_path(path))
    return manifest


def _check_size(name: str, strides: Sequence[int], size: tuple[int, int]) -> None:
    step = max(strides)
    if any(side < step or side % step for side in size):
        nearest = [max(step, round(side / step) * step) for side in size]
        raise ModelError(
            f"size {size[0]} x {size[1]} (height x width) does not fit {name}: "
            f"both must be multiples of {step}, for example {nearest[0]} x {nearest[1]}"
        )
