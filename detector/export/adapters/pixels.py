"""What a network takes as pixels, and the graph that makes that from bytes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, parser

from detector.export.adapters.constants import add_constants
from detector.export.adapters.foreign import ForeignGraph
from detector.export.adapters.onnx_source import opset_of

FRONT = """
<ir_version: {ir}, opset_import: ["": {opset}]>
front (uint8[{n}, {height}, {width}, 3] images) => ({outputs})
{{
    floats = Cast<to = 1>(images)
    {body}
}}
"""
IMAGE_COUNT = """
    shape = Shape(images)
    image_count = Slice(shape, at_0, at_1)
"""
SIZES = """
    image_shape = Shape(images)
    images_in_batch = Slice(image_shape, at_0, at_1)
    by_two = Concat<axis = 0>(images_in_batch, at_2)
    each_size = Expand(width_height, by_two)
    sizes = Cast<to = {kind}>(each_size)
"""


class Pixels(NamedTuple):
    """Pixels are (bytes - mean) / deviation, per channel in the order of the network."""

    description: str
    mean: tuple[float, float, float] = (0, 0, 0)
    deviation: tuple[float, float, float] = (255, 255, 255)
    is_bgr: bool = False


PIXELS = {
    "rgb": Pixels("RGB, 0 to 1"),
    "bgr": Pixels("BGR, 0 to 1", is_bgr=True),
    "rgb-255": Pixels("RGB, 0 to 255", deviation=(1, 1, 1)),
    "bgr-255": Pixels("BGR, 0 to 255", deviation=(1, 1, 1), is_bgr=True),
    "imagenet": Pixels(
        "RGB, less the mean of ImageNet and divided by its deviation",
        mean=(0.485 * 255, 0.456 * 255, 0.406 * 255),
        deviation=(0.229 * 255, 0.224 * 255, 0.225 * 255),
    ),
}


def front_of(graph: ForeignGraph, pixels: Pixels, *, counted: bool) -> tuple[ModelProto, str]:
    """Return a graph from bytes to what `graph` takes, and the name of its output of pixels.

    counted: it also returns `image_count`, the number of images
    It returns `sizes` if the graph takes the sizes of the images.
    """
    steps, last = _steps(graph, pixels)
    height, width = graph.size
    n = graph.batch or "n"
    shape = f"{n}, 3, {height}, {width}" if graph.is_nchw else f"{n}, {height}, {width}, 3"
    outputs = [f"{graph.images.kind_name}[{shape}] {last}"]
    if counted:
        steps.append(IMAGE_COUNT)
        outputs.append("int64[1] image_count")
    if graph.sizes:
        steps.append(SIZES.format(kind=graph.sizes.kind))
        outputs.append(f"{graph.sizes.kind_name}[{n}, 2] sizes")
    front = parser.parse_model(
        FRONT.format(
            ir=graph.model.ir_version,
            opset=opset_of(graph.model),
            n=n,
            height=height,
            width=width,
            outputs=", ".join(outputs),
            body="\n".join(steps),
        )
    )
    add_constants(
        front,
        {
            "backwards": np.array([2, 1, 0]),
            "mean": np.array(pixels.mean, np.float32),
            "deviation": _deviation(pixels),
            "width_height": np.array([[width, height]]),
        },
    )
    return front, last


def _steps(graph: ForeignGraph, pixels: Pixels) -> tuple[list[str], str]:
    """Return the steps from `floats`, one per line, and the name of the last result.

    Division comes before transposition: OpenVINO then transposes no bytes, and is 5 % faster.
    """
    steps, last = [], "floats"
    for name, text, is_needed in (
        ("ordered", "Gather<axis = 3>({}, backwards)", pixels.is_bgr),
        ("centred", "Sub({}, mean)", any(pixels.mean)),
        ("scaled", "Div({}, deviation)", set(pixels.deviation) != {1}),
        ("placed", "Transpose<perm = [0, 3, 1, 2]>({})", graph.is_nchw),
        ("halved", "Cast<to = 10>({})", graph.images.kind == TensorProto.FLOAT16),
    ):
        if is_needed:
            steps.append(f"{name} = {text.format(last)}")
            last = name
    return steps, last


def _deviation(pixels: Pixels) -> NDArray[np.float32]:
    """Return one number if it is that of all channels: runtimes merge it with the next layer."""
    same = len(set(pixels.deviation)) == 1
    return np.array(pixels.deviation[0] if same else pixels.deviation, np.float32)
