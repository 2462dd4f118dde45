"""The graph behind a foreign one: it decodes the outputs and picks the best rows."""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, parser

from detector.export.adapters.constants import add_constants
from detector.export.adapters.decoding import Decoding
from detector.export.adapters.foreign import ForeignGraph
from detector.export.adapters.onnx_source import opset_of

TAIL = """
<ir_version: {ir}, opset_import: ["": {opset}]>
tail ({inputs}) => (float[{n}, {k}, 4] boxes, float[{n}, {k}, {classes}] scores)
{{
    {casts}
    {body}
    best_of_row = {reduce_max}
    ranked, places = TopK<axis = 1>(best_of_row, k)
    scores_shape = Shape(every_score)
    batch = Gather(scores_shape, zero)
    positions = Range(zero, batch, one)
    skipped_rows = Mul(positions, rows_per_image)
    first_rows = Reshape(skipped_rows, column)
    places_in_batch = Add(places, first_rows)
    picked = Reshape(places_in_batch, flat)
    box_rows = Reshape(every_box, box_columns)
    picked_boxes = Gather(box_rows, picked)
    boxes = Reshape(picked_boxes, box_shape)
    score_rows = Reshape(every_score, score_columns)
    picked_scores = Gather(score_rows, picked)
    scores = Reshape(picked_scores, score_shape)
}}
"""


def tail_of(graph: ForeignGraph, decoding: Decoding, k: int) -> ModelProto:
    """Return a graph from the outputs that `decoding` reads to `boxes` and `scores`.

    k: rows per image that it returns
    Its inputs are named as in the decoding, with `foreign_` before.
    """
    opset, classes = opset_of(graph.model), decoding.classes
    inputs = [
        f"{value.kind_name}[{', '.join('?' for _ in value.shape)}] foreign_{name}"
        for name, value in decoding.reads.items()
    ]
    if decoding.counts_images:
        inputs.append("int64[1] foreign_image_count")
    # The axes were an attribute before opset 18
    old, new = "<keepdims = 0, axes = [2]>(every_score)", "<keepdims = 0>(every_score, last)"
    tail = parser.parse_model(
        TAIL.format(
            ir=graph.model.ir_version,
            opset=opset,
            inputs=", ".join(inputs),
            n=graph.batch or "n",
            k=k,
            classes=classes,
            casts="\n".join(f"{name} = Cast<to = 1>(foreign_{name})" for name in decoding.reads),
            body=decoding.body,
            reduce_max="ReduceMax" + (old if opset < 18 else new),
        )
    )
    add_constants(
        tail,
        {
            "k": np.array([k]),
            "rows_per_image": np.array(decoding.rows),
            "box_columns": np.array([-1, 4]),
            "box_shape": np.array([-1, k, 4]),
            "score_columns": np.array([-1, classes]),
            "score_shape": np.array([-1, k, classes]),
            **decoding.constants,
        },
    )
    return tail
