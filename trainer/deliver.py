"""Export of the best weights as models, each with its accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from detector.export.onnx_export import export_model
from detector.manifest import Manifest, manifest_path, sha256_of
from detector.progress import ProgressCallback
from detector.weights.checkpoint import read_weights
from trainer.data.samples import Dataset
from trainer.evaluation.average_precision import EvaluatedImage, Report, score
from trainer.evaluation.evaluate import evaluate_images, open_model
from trainer.quantize import MAX_LOST, quantise_on


@dataclass(frozen=True, slots=True)
class Product:
    """An exported model and its accuracy.

    evaluated: its detections in each image of the validation data, with the ground truth
    """

    model: Path
    manifest: Manifest
    evaluated: Sequence[EvaluatedImage]
    report: Report


def make_product(weights: Path, model: Path, val: Dataset, nms_iou: float) -> Product:
    """Export `weights` to `model` (.onnx) with a manifest, and evaluate it on `val`.

    The accuracy in the manifest is that of the exported file, as the pipeline runs it.
    nms_iou: IoU above which the pipeline will suppress a box of the same class
    """
    network, info = read_weights(weights)
    manifest = export_model(
        network,
        model,
        class_names=info.class_names,
        size=info.size,
        weights_sha256=sha256_of(weights),
    )
    evaluated, report = _evaluate(model, val)
    manifest = replace(manifest, nms_iou=nms_iou, accuracy=report.numbers)
    manifest.write(manifest_path(model))
    return Product(model, manifest, evaluated, report)


def make_int8(
    product: Product, train: Dataset, val: Dataset, progress: ProgressCallback
) -> list[Product]:
    """Write the INT8 models of a product beside it, and evaluate them on `val`.

    train: data for calibration. Raises as `quantise_on` does if a model is refused.
    """
    made = quantise_on(product.model, train, val, MAX_LOST, progress)
    return [Product(one.path, one.manifest, *_evaluate(one.path, val)) for one in made]


def _evaluate(model: Path, val: Dataset) -> tuple[Sequence[EvaluatedImage], Report]:
    """Return a model's detections in each image of `val`, and their scores."""
    with open_model(model) as opened:
        evaluated = evaluate_images(opened, val)
    return evaluated, score(evaluated, opened.class_names)
