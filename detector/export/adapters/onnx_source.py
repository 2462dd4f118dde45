"""Read an ONNX file of another exporter, in an opset that every runtime reads."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto, version_converter

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
        model = onnx.load(path)
        opset = opset_of(model)
        if opset not in OPSETS:
            raise ModelError(
                f"'{path}' has opset {opset}: export it with one from {OPSETS[0]} to {OPSETS[-1]}"
            )
        plugin = cut_plugin(model)
        onnx.checker.check_model(model)
    except (DecodeError, StopIteration, onnx.checker.ValidationError) as error:
        raise ModelError(f"'{path}' is not an ONNX file, or it is damaged: {error}") from error
    except OSError as error:
        raise ModelError(
            f"'{path}' has its weights in a file of their own, which cannot be read "
            f"({error}): put it beside the .onnx file"
        ) from error
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


def _newer(model: ModelProto, path: Path) -> ModelProto:
    try:
        return version_converter.convert_version(model, NEWER)
    except (version_converter.ConvertError, RuntimeError) as error:
        raise ModelError(
            f"'{path}' has opset {opset_of(model)}, which cannot be converted to {NEWER} "
            f"({error}): export it with opset {NEWER}"
        ) from error
