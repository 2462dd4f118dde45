"""Export a network to ONNX that takes bytes and returns the best boxes, with its manifest."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
import torch

from detector.atomic_write import replacing
from detector.errors import ModelError
from detector.export.exported_graph import ContractGraph
from detector.export.fp16 import to_half
from detector.letterbox import PAD_VALUE
from detector.manifest import Manifest, manifest_path, sha256_of
from detector.yolov7.network import Network, deploy

OPSET = 17  # TensorRT 8.5 (JetPack 5) and newer read it


def export_model(
    network: Network,
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
    The network itself is not changed. Raises ModelError for a size that it does not accept.
    """
    assert len(class_names) == network.classes, (len(class_names), network.classes)
    assert precision in ("fp32", "fp16"), precision
    _check_size(network, size)
    graph = ContractGraph(deploy(network), size, top_k)
    with replacing(path) as written:
        _write_onnx(graph, written, size, batch)
        _declare_outputs(graph, written)
        if precision == "fp16":
            onnx.save(to_half(onnx.load(written)), written)
        onnx.checker.check_model(written, full_check=True)
        digest = sha256_of(written)
    manifest = Manifest(
        classes=tuple(class_names),
        input_size=size,
        strides=network.strides,
        precision=precision,
        max_batch=batch or max_batch,
        dynamic_batch=batch is None,
        top_k=graph.top_k,
        pad_value=PAD_VALUE,
        onnx_sha256=digest,
        weights_sha256=weights_sha256,
        tools={"torch": torch.__version__, "onnx": onnx.__version__},
        accuracy=dict(accuracy or {}),
    )
    manifest.write(
        manifest_path(path)
    )  # after the model: an old manifest never matches a new model
    return manifest


def _check_size(network: Network, size: tuple[int, int]) -> None:
    step = max(network.strides)
    if any(side < step or side % step for side in size):
        nearest = [max(step, round(side / step) * step) for side in size]
        raise ModelError(
            f"size {size[0]} x {size[1]} (height x width) does not fit {network.name}: "
            f"both must be multiples of {step}, for example {nearest[0]} x {nearest[1]}"
        )


def _write_onnx(graph: ContractGraph, path: Path, size: tuple[int, int], batch: int | None) -> None:
    names = ["images", "boxes", "scores"]
    with warnings.catch_warnings():
        # The new exporter would need another package, onnxscript, and gain us nothing
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            graph.eval(),
            (torch.zeros(batch or 2, *size, 3, dtype=torch.uint8),),
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=names[:1],
            output_names=names[1:],
            dynamic_axes=None if batch else {name: {0: "n"} for name in names},
        )


def _declare_outputs(graph: ContractGraph, path: Path) -> None:
    """Write the shapes of the outputs into the file, where the exporter leaves them out."""
    model = onnx.load(path)
    for output, numbers in zip(model.graph.output, (4, graph.network.classes), strict=True):
        dims = output.type.tensor_type.shape.dim
        dims[1].dim_value, dims[2].dim_value = graph.top_k, numbers
    onnx.save(model, path)
