"""Evaluation: a model runs over labelled images, as in the pipeline, and is scored."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path

import numpy as np

from detector.candidates import Candidates
from detector.detections import Detections, UInt8Array
from detector.engines import Engine, make_engine
from detector.engines.auto import AUTO, choose_engine
from detector.errors import UsageError
from detector.letterbox import Letterbox
from detector.manifest import Manifest
from detector.nms import suppress
from detector.weights.zoo import find_model
from trainer.data.samples import Dataset, Sample
from trainer.evaluation.average_precision import EvaluatedImage, Report, score

CONFIDENCE = 0.001  # low, because average precision integrates the whole curve
IOU = 0.65  # of NMS, as for YOLOv7's published numbers
FOUND = (".pt", ".onnx")  # files that may have to be converted first

Infer = Callable[[UInt8Array], Candidates]


@dataclass(frozen=True, slots=True)
class Model:
    """A detector, whatever runtime it uses.

    infer: takes (n, h, w, 3) uint8 RGB, letterboxed to `size` (height, width), with n up to
        `batch`; may be called from `parallel` threads at once
    nms_iou: overlap above which two boxes of one class are one object
    step: None, or pixels: the model takes any size up to `size` whose sides are multiples of
        `step`, and images are padded no further than that
    """

    infer: Infer
    class_names: tuple[str, ...]
    size: tuple[int, int]
    batch: int = 1
    parallel: int = 1
    nms_iou: float = IOU
    step: int | None = None

    def input_size(self, source: tuple[int, int]) -> tuple[int, int]:
        """Return the (height, width) to which an image of size `source` is letterboxed."""
        if self.step is None:
            return self.size
        height, width = Letterbox.fit(source, self.size).resized
        return -(-height // self.step) * self.step, -(-width // self.step) * self.step


@contextmanager
def open_model(
    name: str | Path, engine: str | None = None, *, rectangular: bool = False
) -> Iterator[Model]:
    """Open a model until the block ends: weights, an exported model, or another file of an engine.

    name: a file, or a name that the pipeline knows
    engine: the runtime, or auto, as in the pipeline; None: torch for .safetensors, else openvino,
        both in the precision of the file
    rectangular: pad images as little as possible; for .safetensors without an engine
    Raises ModelError for a model that the engine rejects, UsageError for options that conflict.
    """
    path = Path(name)
    if path.suffix == ".safetensors" and path.is_file() and engine is None:
        from trainer.evaluation.network_model import weights_model

        yield weights_model(path, rectangular=rectangular)
        return
    if rectangular:
        raise UsageError(
            f"rectangular evaluation needs any input size, and {name} has one: give .safetensors"
        )
    path = path if path.is_file() and path.suffix not in FOUND else find_model(str(name))
    with closing(_open_engine(path, engine)) as opened:
        manifest = opened.manifest
        yield Model(
            lambda images: _first(opened.submit(_filled(images, manifest)).result(), len(images)),
            manifest.classes,
            manifest.input_size,
            manifest.max_batch,
            opened.slots,
            max(IOU, manifest.nms_iou),  # 1 if the graph has suppressed already
        )


def _open_engine(model: Path, name: str | None) -> Engine:
    if name is not None:
        return make_engine(choose_engine(model) if name == AUTO else name, model)
    precision = "int8" if Manifest.beside(model).precision == "int8" else "fp32"
    return make_engine("openvino", model, precision=precision)


def _filled(images: UInt8Array, manifest: Manifest) -> UInt8Array:
    """Return a full batch for a model of fixed batch size; the last image fills it up."""
    if manifest.dynamic_batch or len(images) == manifest.max_batch:
        return images
    missing = manifest.max_batch - len(images)
    return np.concatenate([images, np.repeat(images[-1:], missing, axis=0)])


def _first(candidates: Candidates, count: int) -> Candidates:
    return Candidates(candidates.boxes_xyxy[:count], candidates.scores[:count])


def evaluate(model: Model, dataset: Dataset) -> Report:
    """Return the average precision of `model` on `dataset`."""
    return score(evaluate_images(model, dataset), model.class_names)


def evaluate_images(model: Model, dataset: Dataset) -> list[EvaluatedImage]:
    """Return the detections of `model` in each image of `dataset`, with the ground truth.

    Reading overlaps with inference.
    """
    evaluated: list[EvaluatedImage] = []
    waiting: deque[tuple[list[_Letterboxed], Future[Candidates]]] = deque()
    with ThreadPoolExecutor(model.parallel, "evaluate") as threads:
        for batch in _batches(model, dataset):
            images = np.stack([each.image for each in batch])
            waiting.append((batch, threads.submit(model.infer, images)))
            if len(waiting) > model.parallel:
                evaluated += _evaluated(*waiting.popleft(), model.nms_iou)
        while waiting:
            evaluated += _evaluated(*waiting.popleft(), model.nms_iou)
    return evaluated


@dataclass(frozen=True, slots=True)
class _Letterboxed:
    """A sample, and its image letterboxed for the model."""

    sample: Sample
    box: Letterbox
    image: UInt8Array


def _batches(model: Model, dataset: Dataset) -> Iterator[list[_Letterboxed]]:
    """Yield the images in order, in batches of one shape."""
    images = (_letterboxed(dataset[index], model) for index in range(len(dataset)))
    for _, same in groupby(images, key=lambda each: each.image.shape):
        while batch := list(islice(same, model.batch)):
            yield batch


def _letterboxed(sample: Sample, model: Model) -> _Letterboxed:
    source = sample.image.shape[0], sample.image.shape[1]
    box = Letterbox.fit(source, model.input_size(source))
    return _Letterboxed(sample, box, box.apply(sample.image))


def _evaluated(
    batch: Sequence[_Letterboxed], inferred: Future[Candidates], iou: float
) -> Iterator[EvaluatedImage]:
    """Yield the detections of a batch, in source pixels, with the ground truth."""
    candidates = inferred.result()
    for i, each in enumerate(batch):
        found = suppress(
            candidates.boxes_xyxy[i], candidates.scores[i], confidence=CONFIDENCE, iou=iou
        )
        sample = each.sample
        yield EvaluatedImage(
            clip=_clip_name(sample.key),
            size=(sample.image.shape[0], sample.image.shape[1]),
            boxes_xyxy=sample.boxes_xyxy,
            class_ids=sample.class_ids,
            ignore_xyxy=sample.ignore_xyxy,
            detections=_in_source(found, each.box),
            ignore_class_ids=sample.ignore_class_ids,
            areas=sample.areas,
        )


def _in_source(found: Detections, box: Letterbox) -> Detections:
    """Return the detections inside the source image; after NMS, as in the pipeline."""
    boxes_xyxy = box.to_source(found.boxes_xyxy)
    inside = (boxes_xyxy[:, :2] < boxes_xyxy[:, 2:]).all(axis=1)
    return Detections(boxes_xyxy, found.scores, found.class_ids)[np.flatnonzero(inside)]


def _clip_name(key: str) -> str:
    """Return the name of a sample's clip (`clip.mp4#12`) or folder (`folder/image.jpg`)."""
    path, _, frame = key.rpartition("#")
    return Path(path).stem if frame.isdigit() and path else Path(key).parent.name
