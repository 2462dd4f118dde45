"""A clip and a model that are small enough for tests of benchmarks."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.export.onnx_export import export_model
from detector.yolov7.network import build_network
from pipeline.sources.street.labelled_clip import write_clip
from pipeline.sources.synthetic import Synthetic

FRAMES = 60
SIZE = (64, 64)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`FRAMES` frames of the street, 192 x 128."""
    folder = tmp_path_factory.mktemp("clip")
    source = Synthetic("synthetic:0", width=192, height=128, counter=False)
    write_clip(source, folder, "clip", FRAMES)
    return folder / "videos" / "clip.mp4"


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A narrow YOLOv7-tiny with random weights, for images of `SIZE`."""
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    network = build_network("yolov7-tiny", classes=3, width=0.125)
    export_model(network.weights(), path, class_names=("person", "bicycle", "car"), size=SIZE)
    return path
