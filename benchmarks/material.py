"""The clip and the model for benchmarks; both can be made anywhere."""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from pathlib import Path

import av
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
from tests.support.paths import data_folder

CLIP = "street/videos/person-bicycle-car-detection.mp4"  # 768 x 432, H.264, with audio
SIZE = (640, 640)
CLASSES = 80  # as many as COCO has
BOXES = 8  # detections per frame: about as many objects as a street shows
CANDIDATES = 40  # boxes per frame before suppression: typical of a trained network on a street


def find_clip(folder: Path) -> Path:
    """Return the clip of the test data, or else one of the synthetic street, in `folder`."""
    data = data_folder()
    if (data / CLIP).is_file():
        return data / CLIP
    drawn = folder / "videos" / "street.mp4"
    if not drawn.is_file():
        write_clip(Synthetic("synthetic:0"), folder, "street", 400)
    return drawn


def find_large_clip(folder: Path, frames: int = 300) -> Path:
    """Return the clip of `find_clip` at 1920 x 1080, with noise as of a sensor, in `folder`."""
    large = folder / "videos" / "large.mp4"
    if large.is_file():
        return large
    large.parent.mkdir(parents=True, exist_ok=True)
    unfinished, rng = large.with_suffix(".partial"), np.random.default_rng(0)
    noise = rng.normal(0, 2, (1080 + 64, 1920)).round().astype(np.int16)
    with av.open(str(find_clip(folder))) as clip, av.open(str(unfinished), "w", "mp4") as output:
        video = clip.streams.video[0]
        stream = output.add_stream("libx264", rate=video.average_rate)
        stream.options = {"crf": "23", "preset": "veryfast"}
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        for frame in islice(clip.decode(video), frames):
            pixels = frame.reformat(1920, 1080, "yuv420p", interpolation="LANCZOS").to_ndarray()
            noisy = pixels[:1080] + noise[(top := rng.integers(64)) : top + 1080]
            pixels[:1080] = noisy.clip(0, 255)
            scaled = av.VideoFrame.from_ndarray(pixels, "yuv420p")
            scaled.pts, scaled.time_base = frame.pts, frame.time_base
            output.mux(stream.encode(scaled))
        output.mux(stream.encode(None))
    unfinished.replace(large)
    return large


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
