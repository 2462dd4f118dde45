"""Graphs that ended in TensorRT's plugin: what it read are all boxes and scores."""

from __future__ import annotations

from detector.export.adapters.decoding import FROM_CENTRES, Decoding
from detector.export.adapters.foreign import ForeignGraph
from detector.export.adapters.grid import grid_of

CORNERS = "    every_box = Identity(given_boxes)\n"
CENTRES = "    cxcywh = Identity(given_boxes)" + FROM_CENTRES
PROBABILITIES = "    every_score = Identity(given_scores)\n"
LOGITS = "    every_score = Sigmoid(given_scores)\n"


def recognise(graph: ForeignGraph) -> Decoding | None:
    """Return how to decode what the plugin read, None if the graph had none."""
    plugin = graph.plugin
    if plugin is None:
        return None
    boxes, scores = graph.outputs
    rows, classes = scores.shape[1:] if len(scores.shape) == 3 else (None, None)
    if rows is None or classes is None or boxes.shape[1:] != (rows, 4):
        raise graph.refused("a network with TensorRT's NMS, and with open shapes in front of it")
    grid = grid_of(rows, graph.size)
    return Decoding(
        body=(CENTRES if plugin.is_centre else CORNERS)
        + (LOGITS if plugin.is_logits else PROBABILITIES),
        reads={"given_boxes": boxes, "given_scores": scores},
        rows=rows,
        classes=classes,
        strides=grid.strides if grid else (32,),
    )
