"""The end of a training: its best weights as an exported model, with what that model is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from detector.checkpoint import load_weights
from detector.export import export_model
from detector.manifest import Manifest, manifest_path, sha256_of
from trainer.evaluate import judge, open_model
from trainer.samples import Dataset
from trainer.score import Judged, Report, score


@dataclass(frozen=True, slots=True)
class Product:
    """A model that the pipeline runs, and what it is worth.

    judged: what it finds in each picture of the validation data, beside the labels
    """

    model: Path
    manifest: Manifest
    judged: Sequence[Judged]
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
    return measured(model, replace(manifest, nms_iou=nms_iou), val)


def measured(model: Path, manifest: Manifest, val: Dataset) -> Product:
    """Return what `model` finds on `val`, and write its accuracy into its manifest."""
    with open_model(model) as opened:
        judged = judge(opened, val)
    report = score(judged, manifest.classes)
    manifest = replace(manifest, accuracy=report.numbers)
    manifest.write(manifest_path(model))
    return Product(model, manifest, judged, report)
