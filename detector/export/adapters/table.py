"""The table of adapters: one line for each kind of head, in the order in which they are tried."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from detector.export.adapters.decoding import Decoding
from detector.export.adapters.foreign import ForeignGraph
from detector.export.adapters.heads import (
    decoded,
    detr,
    found_rows,
    found_tensors,
    nms_plugin,
    yolox,
)
from detector.export.adapters.refusal import refuse_other_tasks, unknown


class Adapter(NamedTuple):
    """A kind of head.

    pixels: what such a network takes, a key of `PIXELS`: no graph shows that
    recognise: returns how to decode the outputs of a graph, None if it has another head
    """

    head: str
    pixels: str
    recognise: Callable[[ForeignGraph], Decoding | None]


ADAPTERS = (
    Adapter("TensorRT's NMS plugin", "rgb", nms_plugin.recognise),
    Adapter("num_dets with boxes, scores and classes", "rgb", found_tensors.recognise_counted),
    Adapter("RT-DETR and D-FINE with orig_target_sizes", "rgb", found_tensors.recognise_scaled),
    Adapter("YOLOv7 with --end2end", "rgb", found_rows.recognise_seven),
    Adapter("RT-DETR of Ultralytics 8.4", "rgb", detr.recognise_found),
    Adapter("YOLOv10, and rows of six with NMS inside", "rgb", found_rows.recognise_six),
    Adapter("YOLOX", "bgr-255", yolox.recognise),
    Adapter("YOLOv5, v6 and v7", "rgb", decoded.recognise_rows),
    Adapter("YOLOv8, v9, v11 and v12", "rgb", decoded.recognise_columns),
    Adapter("RF-DETR", "imagenet", detr.recognise_rf_detr),
    Adapter("DETR", "imagenet", detr.recognise_softmax),
    Adapter("RT-DETR and D-FINE", "rgb", detr.recognise_sigmoid),
    Adapter("RT-DETR of Ultralytics before 8.4", "rgb", detr.recognise_rows),
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
