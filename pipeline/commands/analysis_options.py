"""The options of all commands that detect and track: one table. Imports nothing slow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from detector.cli import Size

FILE = click.Path(path_type=Path)
Function = TypeVar("Function", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--config",
        type=FILE,
        help="Configuration in YAML; options on the command line override it.",
    ),
    click.option(
        "--model",
        "--weights",
        help="Name (docs/weights.md) or .onnx file of the model.  [default: street]",
    ),
    click.option(
        "--engine",
        help="openvino, tensorrt, torch, or auto: the fastest on this machine.  "
        "[default: openvino]",
    ),
    click.option(
        "--device", help="Device that the engine runs on (docs/engines.md).  [default: CPU]"
    ),
    click.option(
        "--imgsz",
        type=Size(),
        help="Input size. Weights are exported at this size; an .onnx model must have it.",
    ),
    click.option(
        "--conf",
        type=float,
        help="Minimum score of a detection.  [default: 0.1 with a tracker, else 0.25]",
    ),
    click.option("--iou", type=float, help="IoU threshold of NMS.  [default: the model's]"),
    click.option(
        "--classes",
        callback=lambda _context, _option, value: value and value.split(","),
        help="Names or numbers of the classes to keep, such as person,car.  [default: all]",
    ),
    click.option(
        "--agnostic",
        is_flag=True,
        default=None,
        help="Suppress overlapping boxes of different classes, too.",
    ),
    click.option("--tracker", help="lane, bytetrack, ocsort, sort, or none.  [default: lane]"),
    click.option(
        "--camera-motion",
        is_flag=True,
        default=None,
        help="Compensate for the motion of the camera.",
    ),
    click.option(
        "--refine",
        is_flag=True,
        default=None,
        help="Read recordings twice: join, complete and smooth tracks by what comes later.",
    ),
    click.option("--stride", type=int, help="Process only every k-th frame."),
    click.option(
        "--max-frames", type=int, help="Stop each source after this many processed frames."
    ),
)


def analysis_options(function: Function) -> Function:
    """Add the options to a command, in the order of the table."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function
