"""The clip and the model for benchmarks; both can be made anywhere."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import torch

from detector.engines import make_engine
from detector.export.onnx_export import export_model
from detector.letterbox import Letterbox
from detector.manifest import Manifest
from detector.yolov7.network import build_network
from pipeline.sources.street.labelled_clip import write_clip
from pipeline.sources.synthetic import Synthetic
from tests.support.paths import ROOT

CLIP = "street/videos/person-bicycle-car-detection.mp4"  # 768 x 432, H.264, with audio
SIZE = (640, 640)
CLASSES = 80  # as many as COCO has
BOXES = 8  # detections per frame: about as many objects as a street shows
CANDIDATES = 40  # boxes per frame before suppression: typical of a trained network on a street


def find_clip(folder: Path) -> Path:
    """Return the clip of the test data, or else one of the synthetic street, in `folder`."""
    data = Path(os.environ.get("FRAMELANE_DATA", ROOT / "../shared/data"))
    if (data / CLIP).is_file():
        return data / CLIP
    drawn = folder / "videos" / "street.mp4"
    if not drawn.is_file():
        write_clip(Synthetic("synthetic:0"), folder, "street", 400)
    return drawn


def find_large_clip(folder: Path, frames: int = 300) -> Path:
    """Return the synthetic street at 1920 x 1080, drawn into `folder`; `frames`: at most."""
    drawn = folder / "videos" / "street-1080p.mp4"
    if not drawn.is_file():
        source = Synthetic("synthetic:0", width=1920, height=1080, counter=False)
        write_clip(source, folder, "street-1080p", frames)
    return drawn


def find_model(folder: Path) -> Path:
    """Return YOLOv7-tiny at 640 with random weights, exported into `folder`.

    Its detections are meaningless, but take as long as those of a trained network. The weights are
    scaled so that the signal neither fades nor grows from layer to layer (He et al. 2015): scores
    then differ from box to box, as in a trained network.
    """
    model = folder / "yolov7-tiny.onnx"
    if not model.is_file():
        network = build_network("yolov7-tiny", classes=CLASSES)
        torch.manual_seed(0)
        for parameter in network.parameters():
            if parameter.ndim == 4:
                torch.nn.init.kaiming_normal_(parameter, nonlinearity="relu")
        names = [f"class {number}" for number in range(CLASSES)]
        export_model(network.weights(), model, class_names=names, size=SIZE)
    return model


def find_confidence(model: Path, clip: Path) -> float:
    """Return the score that `CANDIDATES` boxes of the clip's first frame exceed."""
    _, bgr = cv2.VideoCapture(str(clip)).read()
    frame = np.asarray(bgr, np.uint8)
    size = Manifest.beside(model).input_size
    letterboxed = Letterbox.fit((frame.shape[0], frame.shape[1]), size).apply(frame)
    with closing(make_engine("openvino", model)) as engine:
        scores = engine.submit(letterboxed[None, ..., ::-1]).result().scores[0]
    return float(scores.max(axis=1)[CANDIDATES])
