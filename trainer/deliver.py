"""The end of a training: its best weights as models to be run, with what each of them is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from detector.export.onnx_export import export_model
from detector.manifest import Manifest, manifest_path, sha256_of
from detector.progress import ProgressCallback
from detector.weights.checkpoint import load_weights
from trainer.data.samples import Dataset
from trainer.evaluation.average_precision import EvaluatedImage, Report, score
from trainer.evaluation.evaluate import evaluate_images, open_model
from trainer.quantize import MAX_LOST, quantise_on


@dataclass(frozen=True, slots=True)
class Product:
    """A model that the pipeline runs, and what it is worth.

    judged: what it finds in each image of the validation data, beside the labels
    """

    model: Path
    manifest: Manifest
    evaluated: Sequence[EvaluatedImage]
    report: Report


def make_product(weights: Path, model: Path, val: Dataset, nms_iou: float) -> Product:
    """Export `weights` to `model` (.onnx) and its manifest, and return what it finds on `val`.

    The accuracy in the manifest is that of the exported file, run by the product's own engine.
    nms_iou: overlap above which the pipeline will take two boxes of one class for one object
    """
    network, info = load_weights(weights)
    manifest = export_model(
        network,
        model,
        class_names=info.class_names,
        size=info.size,
        weights_sha256=sha256_of(weights),
    )
    evaluated, report = _found(model, val)
    manifest = replace(manifest, nms_iou=nms_iou, accuracy=report.numbers)
    manifest.write(manifest_path(model))
    return Product(model, manifest, evaluated, report)


def make_int8(
    product: Product, train: Dataset, val: Dataset, progress: ProgressCallback
) -> list[Product]:
    """Put the INT8 models of a product beside it, and return what they find on `val`.

    train: what they are calibrated on. Raises what `quantise_on` raises, for one that is refused.
    """
    made = quantise_on(product.model, train, val, MAX_LOST, progress)
    return [Product(one.path, one.manifest, *_found(one.path, val)) for one in made]


def _found(model: Path, val: Dataset) -> tuple[Sequence[EvaluatedImage], Report]:
    """Return what a model finds in each image of `val`, and what that is worth."""
    with open_model(model) as opened:
        evaluated = evaluate_images(opened, val)
    return evaluated, score(evaluated, opened.class_names)
