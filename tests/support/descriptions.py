"""The published networks, changed descriptions, and a small network."""

from __future__ import annotations

from pathlib import Path

from detector.detections import UInt8Array
from detector.export.onnx_export import export_model
from detector.yolov7.description import NETWORKS, Form
from tests.support.random_network import random_network

FAMILY: dict[str, tuple[Form, ...]] = {  # forms of each network in tests/reference
    "yolov7-tiny": ("training", "deployed"),
    "yolov7-tiny-silu": ("deployed",),
    "yolov7": ("training", "deployed"),
    "yolov7x": ("training", "deployed"),
    "yolov7-w6": ("training", "deployed"),
    "yolov7-e6": ("training", "deployed"),
    "yolov7-d6": ("training", "deployed"),
    "yolov7-e6e": ("training", "deployed"),
}


def edited(name: str, old: str, new: str, folder: Path) -> Path:
    """Write the YAML of a network with one text replaced, and return its path."""
    text = (NETWORKS / f"{name}.yaml").read_text()
    assert text.count(old) == 1, (old, text.count(old))
    path = folder / "edited.yaml"
    path.write_text(text.replace(old, new))
    return path


SMALL = """
activation: leaky_relu
strides: [8, 16]
anchors:
  - [[10, 13], [16, 30], [33, 23]]
  - [[30, 61], [62, 45], [59, 119]]
rows:
  - [[-1], Conv, [8, 3, 2]]
  - [[-1], Conv, [16, 3, 2]]
  - [[-1], Conv, [16, 3, 2]]
  - [[-1], Conv, [16, 1, 1]]
  - [[-2], Conv, [16, 3, 1]]
  - [[-1, -2], Concat, []]
  - [[-1], Conv, [32, 3, 2]]
  - [[5, 6], IDetect, []]
"""


def small(folder: Path) -> Path:
    """Write a network of six layers and two heads, for quick tests."""
    path = folder / "small.yaml"
    path.write_text(SMALL)
    return path


def small_model(folder: Path, images: UInt8Array) -> Path:
    """Export the small network, with random weights and classes a, b and c, for this image size.

    images: (n, h, w, 3) uint8 RGB; the weights are scaled for them
    """
    network = random_network(small(folder), images, classes=3)
    height, width = images.shape[1:3]
    path = folder / "small.onnx"
    export_model(network.weights(), path, class_names=("a", "b", "c"), size=(height, width))
    return path
