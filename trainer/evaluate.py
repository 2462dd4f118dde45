"""What a model is worth: run over labelled pictures through the product's own code, then scored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from detector.candidates import Candidates
from detector.checkpoint import load_weights
from detector.detections import Detections, UInt8Array
from detector.engines import make_engine
from detector.errors import ModelError
from detector.export import ContractGraph
from detector.letterbox import Letterbox
from detector.network import Network, deploy
from detector.nms import suppress
from trainer.samples import Dataset, Sample
from trainer.score import Judged, Report, score

CONFIDENCE = 0.001  # average precision wants the whole curve, down to the least sure
IOU = 0.65  # what YOLOv7 publishes its numbers with
TOP_K = 512

Infer = Callable[[UInt8Array], Candidates]


@dataclass(frozen=True, slots=True)
class Model:
    """Something that detects, however it runs.

    infer: takes (n, h, w, 3) uint8 RGB, letterboxed to `size`, height and width; n at most `batch`
    """

    infer: Infer
    class_names: tuple[str, ...]
    size: tuple[int, int]
    batch: int = 1


@contextmanager
def open_model(path: Path) -> Iterator[Model]:
    """Open an exported model (.onnx) or weights (.safetensors) until the block ends.

    Raises ModelError for anything else, and for a file that is not what it seems.
    """
    if path.suffix == ".onnx":
        with closing(make_engine("openvino", path)) as engine:
            manifest = engine.manifest
            yield Model(
                lambda images: engine.submit(images).result(),
                manifest.classes,
                manifest.input_size,
            )
    elif path.suffix == ".safetensors":
        network, info = load_weights(path)
        yield network_model(network, info.class_names, info.size)
    else:
        raise ModelError(f"cannot evaluate '{path}': give an .onnx or a .safetensors file")


def network_model(
    network: Network, class_names: Sequence[str], size: tuple[int, int], batch: int = 8
) -> Model:
    """Return a copy of `network`, deployed as its export is, in float32."""
    device = network.anchors.device
    graph = ContractGraph(deploy(network).cpu(), size, TOP_K).eval().to(device)
    graph = graph.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def infer(images: UInt8Array) -> Candidates:
        boxes, scores = graph(torch.from_numpy(images).to(device))
        return Candidates(boxes.cpu().numpy(), scores.cpu().numpy())

    return Model(infer, tuple(class_names), size, batch)


def evaluate(model: Model, dataset: Dataset) -> Report:
    """Return how well `model` finds what is labelled in `dataset`."""
    judged: list[Judged] = []
    for start in range(0, len(dataset), model.batch):
        stop = min(start + model.batch, len(dataset))
        judged += _judge(model, [dataset[i] for i in range(start, stop)])
    return score(judged, model.class_names)


def _judge(model: Model, samples: Sequence[Sample]) -> list[Judged]:
    """Detect in a few pictures, in their own pixels, and put the labels beside it."""
    boxes = [Letterbox.fit(sample.image.shape[:2], model.size) for sample in samples]
    images = np.stack([box.apply(sample.image) for box, sample in zip(boxes, samples, strict=True)])
    candidates = model.infer(images)
    judged = []
    for i, (box, sample) in enumerate(zip(boxes, samples, strict=True)):
        found = suppress(
            candidates.boxes_xyxy[i], candidates.scores[i], confidence=CONFIDENCE, iou=IOU
        )
        judged.append(
            Judged(
                clip=_clip_of(sample.key),
                size=sample.image.shape[:2],
                boxes_xyxy=sample.boxes_xyxy,
                class_ids=sample.class_ids,
                ignore_xyxy=sample.ignore_xyxy,
                detections=_in_source(found, box),
                ignore_class_ids=sample.ignore_class_ids,
                areas=sample.areas,
            )
        )
    return judged


def _in_source(found: Detections, box: Letterbox) -> Detections:
    """Return what lies in the picture, after suppression, as the pipeline does."""
    boxes_xyxy = box.to_source(found.boxes_xyxy)
    inside = (boxes_xyxy[:, :2] < boxes_xyxy[:, 2:]).all(axis=1)
    return Detections(boxes_xyxy, found.scores, found.class_ids)[np.flatnonzero(inside)]


def _clip_of(key: str) -> str:
    """Name the clip (`clip.mp4#12`) or the folder (`folder/picture.jpg`) that a sample is from."""
    path, _, frame = key.rpartition("#")
    return Path(path).stem if frame.isdigit() and path else Path(key).parent.name
