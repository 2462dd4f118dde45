"""Read an ONNX file of another exporter, in an opset that every runtime reads."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto, NodeProto, version_converter

from detector.errors import ModelError
from detector.export.adapters.plugin import Plugin, cut_plugin

OPSETS = range(9, 24)  # accepted
KEPT_FROM = 14  # an older graph is converted: ONNX then infers the shapes of its outputs
NEWER = 17  # opset that older graphs are converted to: TensorRT 8.5 (JetPack 5) and newer read it


def read_onnx(path: Path) -> tuple[ModelProto, Plugin | None]:
    """Return the graph of a file, without TensorRT's plugin, and what that read.

    Raises ModelError for a missing or damaged file, and for an opset that is not accepted.
    """
    if not path.is_file():
        raise ModelError(f"no model '{path}': give the path of an .onnx file")
    try:
        model = onnx.load(path, load_external_data=False)
        _load_weights(model, path)
        opset = opset_of(model)
        if opset not in OPSETS:
            raise ModelError(
                f"'{path}' has opset {opset}: export it with one from {OPSETS[0]} to {OPSETS[-1]}"
            )
        plugin = cut_plugin(model)
        _sort_nodes(model)
        onnx.checker.check_model(model)
    except (DecodeError, StopIteration, CycleError, onnx.checker.ValidationError) as error:
        raise ModelError(f"'{path}' is not an ONNX file, or it is damaged: {error}") from error
    return (model if opset >= KEPT_FROM else _newer(model, path)), plugin


def opset_of(model: ModelProto) -> int:
    """Return the version of ONNX's own operators."""
    return int(next(e.version for e in model.opset_import if e.domain in ("", "ai.onnx")))


def metadata_of(model: ModelProto) -> dict[str, Any]:
    """Return the metadata of a file; a value that is a Python literal is read as one."""
    return {entry.key: _literal(entry.value) for entry in model.metadata_props}


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def _load_weights(model: ModelProto, path: Path) -> None:
    """Read the weights that are in a file of their own."""
    try:
        onnx.load_external_data_for_model(model, str(path.parent))
    except (OSError, ValueError, onnx.checker.ValidationError) as error:
        raise ModelError(
            f"the weights of '{path}' are in another file, which cannot be read: {error}: put that "
            "file beside it"
        ) from error


def _sort_nodes(model: ModelProto) -> None:
    """Put each node after those whose results it reads; converters to float16 leave that out."""
    nodes = {node.output[0]: node for node in model.graph.node}
    producers = {name: key for key, node in nodes.items() for name in node.output}
    reads = {
        key: {producers[name] for name in _names_read(node) if name in producers}
        for key, node in nodes.items()
    }
    in_order = [nodes[key] for key in TopologicalSorter(reads).static_order()]
    del model.graph.node[:]
    model.graph.node.extend(in_order)


def _names_read(node: NodeProto) -> Iterator[str]:
    """Yield the values that a node reads, and those that the graphs inside it read."""
    yield from node.input
    for attribute in node.attribute:
        for inner in (attribute.g, *attribute.graphs):
            for each in inner.node:
                yield from _names_read(each)


def _newer(model: ModelProto, path: Path) -> ModelProto:
    try:
        return version_converter.convert_version(model, NEWER)
    except (version_converter.ConvertError, RuntimeError) as error:
        raise ModelError(
            f"'{path}' has opset {opset_of(model)}, which cannot be converted to {NEWER} "
            f"({error}): export it with opset {NEWER}"
        ) from error
