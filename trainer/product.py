"""The end of a training: its best weights as an exported model, with what that model is worth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from detector.checkpoint import load_weights
from detector.export import export_model
from detector.manifest import manifest_path, sha256_of
from trainer.evaluate import evaluate, open_model
from trainer.samples import Dataset
from trainer.score import Report


def make_product(weights: Path, model: Path, val: Dataset, nms_iou: float) -> Report:
    """Export `weights` to `model` (.onnx) and its manifest, and return what it scores on `val`.

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
    with open_model(model) as exported:
        report = evaluate(exported, val)
    replace(manifest, accuracy=report.numbers, nms_iou=nms_iou).write(manifest_path(model))
    return report
