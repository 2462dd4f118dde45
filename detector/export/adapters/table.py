"""The table of adapters: one line for each kind of head, in the order in which they are tried."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from detector.export.adapters.decoding import Decoding
from detector.export.adapters.foreign import ForeignGraph
from detector.export.adapters.heads import (
    columns,
    detr,
    found_rows,
    found_tensors,
    nms_plugin,
    rows,
    yolox,
)
from detector.export.adapters.refusal import refuse_other_tasks, unknown


class Adapter(NamedTuple):
    """A kind of head.

    exporters: what returns it
    outputs: their shapes, with n images
    pixels: what such a network takes, a key of `PIXELS`; no graph shows that
    recognise: returns how to decode the outputs of a graph, None if it has another head
    """

    exporters: str
    outputs: str
    pixels: str
    recognise: Callable[[ForeignGraph], Decoding | None]


ADAPTERS = (
    Adapter("TensorRT's NMS", "EfficientNMS_TRT's", "rgb", nms_plugin.recognise),
    Adapter(
        "NMS inside", "(n, 1), (n, k, 4), (n, k), (n, k)", "rgb", found_tensors.recognise_counted
    ),
    Adapter("RT-DETR, D-FINE", "(n, k), (n, k, 4), (n, k)", "rgb", found_tensors.recognise_scaled),
    Adapter("YOLOv7 end2end", "(m, 7)", "rgb", found_rows.recognise_seven),
    Adapter("YOLOv10, NMS inside", "(n, k, 6)", "rgb", found_rows.recognise_six),
    Adapter("YOLOX", "(n, rows, 5 + classes)", "bgr-255", yolox.recognise),
    Adapter("YOLOv5 to v7", "(n, rows, 5 + classes)", "rgb", rows.recognise),
    Adapter("YOLOv8 to v12", "(n, 4 + classes, rows)", "rgb", columns.recognise),
    Adapter("RF-DETR", "(n, k, 4), (n, k, classes)", "imagenet", detr.recognise_rf_detr),
    Adapter("DETR", "(n, k, classes + 1), (n, k, 4)", "imagenet", detr.recognise_softmax),
    Adapter(
        "RT-DETR, D-FINE without scaling",
        "(n, k, classes), (n, k, 4)",
        "rgb",
        detr.recognise_sigmoid,
    ),
    Adapter("RT-DETR in rows", "(n, k, 4 + classes)", "rgb", detr.recognise_rows),
)


def recognise(graph: ForeignGraph) -> tuple[Adapter, Decoding]:
    """Return the adapter of a graph, and how to decode its outputs.

    Raises NotAccepted if it is no detector, or has another head.
    """
    refuse_other_tasks(graph)
    for adapter in ADAPTERS:
        decoding = adapter.recognise(graph)
        if decoding is not None:
            return adapter, decoding
    raise unknown(graph)
