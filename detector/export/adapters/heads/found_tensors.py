"""Found objects in outputs of their own: boxes (n, k, 4), scores (n, k), classes (n, k).

With `num_dets` (n, 1) as a fourth output, rows after that many are empty. With a second input of
sizes (n, 2), RT-DETR and D-FINE scale their boxes to it: it becomes the size of the images.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.export.adapters.decoding import NO_OVERLAP, ONE_CLASS, Decoding, class_numbers
from detector.export.adapters.foreign import ForeignGraph, Value
from detector.export.adapters.tracing import class_count

OBJECTS = (
    """
    every_box = Identity(given_boxes)
    score = Unsqueeze(given_scores, at_2)
    class = Unsqueeze(given_classes, at_2)
"""
    + ONE_CLASS
)
COUNTED = """
    counts = Reshape(given_count, column)
    is_found = Less(row_numbers, counts)
    found = Cast<to = 1>(is_found)
    found_scores = Mul(given_scores, found)
""" + OBJECTS.replace("(given_scores,", "(found_scores,")
CLASS_WORDS = ("class", "label")  # in the name of the output, if both are float


def recognise_counted(graph: ForeignGraph) -> Decoding | None:
    """Return how to decode four outputs, None if the graph returns others."""
    counts = [each for each in graph.outputs if not each.is_float and _width(each) == 1]
    others = [each for each in graph.outputs if each not in counts]
    reads = _objects(others)
    if len(counts) != 1 or reads is None or graph.sizes:
        return None
    numbers = np.arange(reads["given_boxes"].shape[1] or 0, dtype=np.float32)[None]
    return _decoding(graph, COUNTED, {**reads, "given_count": counts[0]}, {"row_numbers": numbers})


def recognise_scaled(graph: ForeignGraph) -> Decoding | None:
    """Return how to decode three outputs of a graph that takes sizes, None if it does not."""
    reads = _objects(graph.outputs)
    if reads is None or graph.sizes is None:
        return None
    return _decoding(graph, OBJECTS, reads, {})


def _objects(outputs: Sequence[Value]) -> dict[str, Value] | None:
    """Return boxes, scores and classes among three outputs, None if they are something else."""
    boxes = [value for value in outputs if value.is_float and value.shape[2:] == (4,)]
    pairs = [value for value in outputs if len(value.shape) == 2]
    classes = [value for value in pairs if not value.is_float] or [
        value for value in pairs if any(word in value.name.lower() for word in CLASS_WORDS)
    ]
    scores = [value for value in pairs if value.is_float and value not in classes]
    if len(outputs) != 3 or not len(boxes) == len(classes) == len(scores) == 1:
        return None
    rows = boxes[0].shape[1]
    if rows is None or classes[0].shape[1] != rows or scores[0].shape[1] != rows:
        return None
    return {"given_boxes": boxes[0], "given_scores": scores[0], "given_classes": classes[0]}


def _width(value: Value) -> int | None:
    """Return the numbers per image, for one image."""
    return 1 if len(value.shape) == 1 else value.shape[1]


def _decoding(
    graph: ForeignGraph, body: str, reads: dict[str, Value], constants: dict[str, NDArray[Any]]
) -> Decoding:
    classes = class_count(graph, reads["given_classes"])
    return Decoding(
        body=body,
        reads=reads,
        rows=reads["given_boxes"].shape[1] or 0,
        classes=classes,
        constants=constants | class_numbers(classes),
        nms_iou=NO_OVERLAP,
    )
