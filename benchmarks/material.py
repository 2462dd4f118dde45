"""What is measured with: a clip, and a model that everybody can make."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLIP = "street/videos/person-bicycle-car-detection.mp4"  # 768 x 432, H.264, with audio


def find_clip(folder: Path) -> Path:
    """Return the clip of the test data, or one of the synthetic street, drawn into `folder`."""
    data = Path(os.environ.get("FRAMELANE_DATA", ROOT / "../shared/data"))
    if (data / CLIP).is_file():
        return data / CLIP
    drawn = folder / "videos" / "street.mp4"
    if not drawn.is_file():
        options = ("--output", str(folder), "--name", "street", "--frames", "400")
        _run("pipeline.sources.synthetic", *options)
    return drawn


def find_model(folder: Path) -> Path:
    """Return YOLOv7-tiny at 640 with random weights, exported into `folder`.

    What it finds is meaningless, but it takes as long as what a trained one finds.
    """
    model = folder / "yolov7-tiny.onnx"
    if not model.is_file():
        _run("detector", "export", "--network", "yolov7-tiny", "--output", str(model))
    return model


def _run(module: str, *arguments: str) -> None:
    line = [sys.executable, "-m", module, *arguments]
    subprocess.run(line, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
