"""Write the model of a foreign graph: a front that takes bytes, the graph, a tail that decodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
from onnx import ModelProto, compose

from detector.atomic_write import replacing
from detector.errors import ModelError
from detector.export.adapters.class_names import numbered_names
from detector.export.adapters.decoding import Decoding
from detector.export.adapters.foreign import ForeignGraph, read_foreign
from detector.export.adapters.pixels import PIXELS, Pixels, front_of
from detector.export.adapters.refusal import NotAccepted
from detector.export.adapters.table import ADAPTERS, recognise
from detector.export.adapters.tail import tail_of
from detector.export.fp16 import to_half
from detector.letterbox import PAD_VALUE
from detector.manifest import Manifest, manifest_path, sha256_of

MAX_BATCH = 8
PREFIX = "foreign/"  # of the names in the foreign graph
COUNT = "image_count"


def adapt_model(
    foreign: Path,
    path: Path,
    *,
    class_names: Sequence[str] | None = None,
    size: tuple[int, int] | None = None,
    pixels: str | None = None,
    precision: str = "fp32",
    top_k: int = 512,
) -> Manifest:
    """Write the model of an ONNX file to `path` (.onnx), and return its manifest.

    class_names: None: those in the file, or else numbers
    size: (height, width) of the images, if the graph leaves it open; None: as the file says
    pixels: what the network takes, a key of `PIXELS`; None: as usual for its head
    precision: fp32, or fp16 up to the logits of the head; a graph in float16 stays as it is
    Raises ModelError for a graph that is not accepted, with what it is.
    """
    try:
        graph = read_foreign(foreign, size, class_names)
        adapter, decoding = recognise(graph)
    except NotAccepted as error:
        heads = ", ".join(each.head for each in ADAPTERS)
        raise ModelError(
            f"{error}\naccepted are detectors with one input of float images and one of these "
            f"heads (docs/foreign.md has their shapes): {heads}"
        ) from error
    names = _class_names(graph, decoding)
    k = min(top_k, decoding.rows)
    whole = _joined(graph, decoding, PIXELS[pixels or adapter.pixels], k)
    if precision == "fp16" and not graph.is_half:
        whole = to_half(whole)
    with replacing(path) as written:
        onnx.save(whole, written)
        digest = sha256_of(written)
    manifest = Manifest(
        classes=names,
        input_size=graph.size,
        strides=decoding.strides,
        precision="fp16" if graph.is_half else precision,
        max_batch=graph.batch or MAX_BATCH,
        dynamic_batch=graph.batch is None,
        top_k=k,
        pad_value=PAD_VALUE,
        onnx_sha256=digest,
        weights_sha256=None,
        tools={
            "onnx": onnx.__version__,
            "exporter": graph.model.producer_name or "unknown",
            "head": adapter.head,
        },
        nms_iou=decoding.nms_iou,
        source_sha256=sha256_of(foreign),
    )
    manifest.write(manifest_path(path))  # last: an old manifest never matches a new model
    return manifest


def _class_names(graph: ForeignGraph, decoding: Decoding) -> tuple[str, ...]:
    names = graph.names or numbered_names(decoding.classes)
    if len(names) != decoding.classes:
        raise ModelError(
            f"{len(names)} names given, but '{graph.path}' has {decoding.classes} classes: give "
            "their names with --names"
        )
    return names


def _joined(graph: ForeignGraph, decoding: Decoding, pixels: Pixels, k: int) -> ModelProto:
    """Put the foreign graph between its front and its tail, in place: its weights may be large.

    Raises ModelError if ONNX rejects the result.
    """
    front, front_pixels = front_of(graph, pixels, counted=decoding.counts_images)
    tail = tail_of(graph, decoding, k)
    whole = compose.add_prefix(graph.model, PREFIX, inplace=True)
    made = {front_pixels: PREFIX + graph.images.name}
    if graph.sizes:
        made["sizes"] = PREFIX + graph.sizes.name
    read = {f"foreign_{name}": PREFIX + value.name for name, value in decoding.reads.items()}
    _rename(front, "bytes/", {"images": "images", COUNT: COUNT, **made})
    _rename(
        tail, "decode/", {"boxes": "boxes", "scores": "scores", f"foreign_{COUNT}": COUNT, **read}
    )
    nodes = [*front.graph.node, *whole.graph.node, *tail.graph.node]
    del whole.graph.node[:], whole.graph.input[:], whole.graph.output[:]
    whole.graph.node.extend(nodes)
    whole.graph.input.extend(front.graph.input)
    whole.graph.output.extend(tail.graph.output)
    whole.graph.initializer.extend([*front.graph.initializer, *tail.graph.initializer])
    try:
        onnx.checker.check_model(whole, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ModelError(f"'{graph.path}' cannot be extended: {reason}") from error
    return whole


def _rename(model: ModelProto, prefix: str, names: Mapping[str, str]) -> None:
    """Rename the values of a graph as `names` says, and put a prefix before the others."""
    for node in model.graph.node:
        for values in (node.input, node.output):
            values[:] = [names.get(value, prefix + value) for value in values]
    for tensor in model.graph.initializer:
        tensor.name = prefix + tensor.name
