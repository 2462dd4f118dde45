"""What a model is worth: run over labelled images through the product's own code, then scored."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path

import numpy as np
import torch

from detector.candidates import Candidates
from detector.detections import Detections, UInt8Array
from detector.engines import Engine, make_engine
from detector.engines.auto import AUTO, choose_engine
from detector.errors import UsageError
from detector.export.exported_graph import ContractGraph
from detector.letterbox import Letterbox
from detector.manifest import Manifest
from detector.nms import suppress
from detector.weights.checkpoint import load_weights
from detector.weights.zoo import find_model
from detector.yolov7.network import Network, deploy
from trainer.data.samples import Dataset, Sample
from trainer.evaluation.average_precision import EvaluatedImage, Report, score

CONFIDENCE = 0.001  # average precision wants the whole curve, down to the least sure
IOU = 0.65  # what YOLOv7 publishes its numbers with
TOP_K = 512

Infer = Callable[[UInt8Array], Candidates]


@dataclass(frozen=True, slots=True)
class Model:
    """Something that detects, however it runs.

    infer: takes (n, h, w, 3) uint8 RGB, letterboxed to `size`, height and width; n at most `batch`;
        from as many threads at once as `parallel` says
    step: None, or pixels: it takes any size whose sides are multiples of it, and `size` is only the
        largest; images are then padded no more than need be
    """

    infer: Infer
    class_names: tuple[str, ...]
    size: tuple[int, int]
    batch: int = 1
    parallel: int = 1
    step: int | None = None

    def input_size(self, source: tuple[int, int]) -> tuple[int, int]:
        """Return the (height, width) to which an image of such a size is letterboxed."""
        if self.step is None:
            return self.size
        height, width = Letterbox.fit(source, self.size).resized
        return -(-height // self.step) * self.step, -(-width // self.step) * self.step


@contextmanager
def open_model(
    name: str | Path, engine: str | None = None, *, rectangular: bool = False
) -> Iterator[Model]:
    """Open a model until the block ends: weights, an exported model, or anything an engine takes.

    name: a file, or a name that the pipeline knows
    engine: the runtime, or auto, as the pipeline runs it; None: torch for .safetensors, else
        openvino, both in the precision of the file
    rectangular: images are padded no more than need be; for .safetensors without an engine
    Raises ModelError for what the engine does not take, UsageError for options that do not fit.
    """
    path = Path(name)
    if path.suffix == ".safetensors" and path.is_file() and engine is None:
        network, info = load_weights(path)
        yield network_model(network, info.class_names, info.size, rectangular=rectangular)
        return
    if rectangular:
        raise UsageError(
            f"rectangular evaluation needs any input size, and {name} has one: give .safetensors"
        )
    path = path if path.is_file() and path.suffix != ".pt" else find_model(str(name))
    with closing(_open_engine(path, engine)) as opened:
        manifest = opened.manifest
        yield Model(
            lambda images: _of_a_batch(
                opened.submit(_filled(images, manifest)).result(), len(images)
            ),
            manifest.classes,
            manifest.input_size,
            manifest.max_batch,
            opened.slots,
        )


def _open_engine(model: Path, name: str | None) -> Engine:
    if name is not None:
        return make_engine(choose_engine(model) if name == AUTO else name, model)
    precision = "int8" if Manifest.beside(model).precision == "int8" else "fp32"
    return make_engine("openvino", model, precision=precision)


def _filled(images: UInt8Array, manifest: Manifest) -> UInt8Array:
    """Return as many images as the model takes: the last one again where they are too few."""
    if manifest.dynamic_batch or len(images) == manifest.max_batch:
        return images
    missing = manifest.max_batch - len(images)
    return np.concatenate([images, np.repeat(images[-1:], missing, axis=0)])


def _of_a_batch(candidates: Candidates, count: int) -> Candidates:
    return Candidates(candidates.boxes_xyxy[:count], candidates.scores[:count])


def network_model(
    network: Network,
    class_names: Sequence[str],
    size: tuple[int, int],
    batch: int = 8,
    *,
    rectangular: bool = False,
) -> Model:
    """Return a copy of `network`, deployed as its export is, in float32."""
    device, deployed = network.anchors.device, deploy(network).cpu()
    graphs: dict[tuple[int, int], ContractGraph] = {}

    def graph_of(shape: tuple[int, int]) -> ContractGraph:
        if shape not in graphs:
            graph = ContractGraph(deployed, shape, TOP_K).eval().to(device)
            graphs[shape] = graph.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return graphs[shape]

    @torch.inference_mode()
    def infer(images: UInt8Array) -> Candidates:
        graph = graph_of((images.shape[1], images.shape[2]))
        boxes, scores = graph(torch.from_numpy(images).to(device))
        return Candidates(boxes.cpu().numpy(), scores.cpu().numpy())

    step = max(network.strides) if rectangular else None
    return Model(infer, tuple(class_names), size, batch, step=step)


def evaluate(model: Model, dataset: Dataset) -> Report:
    """Return how well `model` finds what is labelled in `dataset`."""
    return score(evaluate_images(model, dataset), model.class_names)


def evaluate_images(model: Model, dataset: Dataset) -> list[EvaluatedImage]:
    """Return what `model` finds in every image of `dataset`, beside what is labelled there.

    Images are read while others are inferred.
    """
    evaluated: list[EvaluatedImage] = []
    waiting: deque[tuple[list[_Seen], Future[Candidates]]] = deque()
    with ThreadPoolExecutor(model.parallel, "evaluate") as threads:
        for seen in _batches(model, dataset):
            images = np.stack([each.image for each in seen])
            waiting.append((seen, threads.submit(model.infer, images)))
            if len(waiting) > model.parallel:
                evaluated += _evaluated(*waiting.popleft())
        while waiting:
            evaluated += _evaluated(*waiting.popleft())
    return evaluated


@dataclass(frozen=True, slots=True)
class _Seen:
    """An image, and the image that a model sees of it."""

    sample: Sample
    box: Letterbox
    image: UInt8Array


def _batches(model: Model, dataset: Dataset) -> Iterator[list[_Seen]]:
    """Yield the images in batches of one shape, in their order."""
    seen = (_see(dataset[index], model) for index in range(len(dataset)))
    for _, same in groupby(seen, key=lambda each: each.image.shape):
        while batch := list(islice(same, model.batch)):
            yield batch


def _see(sample: Sample, model: Model) -> _Seen:
    source = sample.image.shape[0], sample.image.shape[1]
    box = Letterbox.fit(source, model.input_size(source))
    return _Seen(sample, box, box.apply(sample.image))


def _evaluated(seen: Sequence[_Seen], inferred: Future[Candidates]) -> Iterator[EvaluatedImage]:
    """Yield what was detected in a few images, in their own pixels, beside the labels."""
    candidates = inferred.result()
    for i, each in enumerate(seen):
        found = suppress(
            candidates.boxes_xyxy[i], candidates.scores[i], confidence=CONFIDENCE, iou=IOU
        )
        sample = each.sample
        yield EvaluatedImage(
            clip=_clip_of(sample.key),
            size=(sample.image.shape[0], sample.image.shape[1]),
            boxes_xyxy=sample.boxes_xyxy,
            class_ids=sample.class_ids,
            ignore_xyxy=sample.ignore_xyxy,
            detections=_in_source(found, each.box),
            ignore_class_ids=sample.ignore_class_ids,
            areas=sample.areas,
        )


def _in_source(found: Detections, box: Letterbox) -> Detections:
    """Return what lies in the image, after suppression, as the pipeline does."""
    boxes_xyxy = box.to_source(found.boxes_xyxy)
    inside = (boxes_xyxy[:, :2] < boxes_xyxy[:, 2:]).all(axis=1)
    return Detections(boxes_xyxy, found.scores, found.class_ids)[np.flatnonzero(inside)]


def _clip_of(key: str) -> str:
    """Name the clip (`clip.mp4#12`) or the folder (`folder/image.jpg`) that a sample is from."""
    path, _, frame = key.rpartition("#")
    return Path(path).stem if frame.isdigit() and path else Path(key).parent.name
