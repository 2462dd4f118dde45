"""Graphs that are not accepted: what they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from detector.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

    from detector.export.adapters.foreign import ForeignGraph, Value

TASKS = {  # metadata `task`, as several exporters write it -> what such a graph is
    "classify": "a classifier",
    "segment": "a segmentation network",
    "pose": "a pose network",
    "obb": "a network for rotated boxes",
}
POSE_CLASSES = 52  # with objectness or without: one class and 17 keypoints of 3 numbers


class NotAccepted(ModelError):
    """A graph that does not become a model; the message says what it is."""


def not_accepted(
    path: Path, what: str, inputs: Sequence[Value], outputs: Sequence[Value]
) -> NotAccepted:
    """Return the error for a graph that is `what`."""
    taken, returned = (", ".join(map(str, values)) for values in (inputs, outputs))
    return NotAccepted(f"'{path}' is {what}: it takes {taken} and returns {returned}")


def refuse_other_tasks(graph: ForeignGraph) -> None:
    """Raise NotAccepted for a network that is no detector."""
    task = graph.metadata.get("task", "detect")
    shapes = [value.shape for value in graph.outputs]
    if task != "detect":
        raise graph.refused(TASKS.get(str(task), f"a network for the task {str(task)[:40]!r}"))
    if any(len(shape) == 4 for shape in shapes) and any(len(shape) == 3 for shape in shapes):
        raise graph.refused("a segmentation network")
    if len(shapes) == 1 and len(shapes[0]) == 2 and shapes[0][0] is not None:
        raise graph.refused("a classifier")


def refuse_keypoints(graph: ForeignGraph, classes: int) -> None:
    """Raise NotAccepted for rows that may hold keypoints; 52 class names make them classes."""
    if classes == POSE_CLASSES and graph.names is None:
        raise graph.refused(
            "a pose network, or a detector of 52 classes (then name them with --names)"
        )


def unknown(graph: ForeignGraph) -> NotAccepted:
    """Return the error for outputs that no adapter reads."""
    shapes = [value.shape for value in graph.outputs]
    if shapes and all(len(shape) in (4, 5) for shape in shapes):
        return graph.refused("a network whose boxes are not decoded (export it with its grid)")
    return graph.refused("a network with another head")
