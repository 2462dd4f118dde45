"""Models, networks and engines in one line each, for a person."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detector.acceptance.agreement import Agreement
    from detector.int8.quantize import Quantised
    from detector.manifest import Manifest
    from detector.yolov7.description import Description


def describe_model(manifest: Manifest, model: Path) -> str:
    """Return a model's input size, precision, file size and classes."""
    height, width = manifest.input_size
    few = ", ".join(manifest.classes) if len(manifest.classes) <= 5 else ""
    classes = few or f"{len(manifest.classes)} classes"
    megabytes = model.stat().st_size / 1e6
    return f"{height} x {width}, {manifest.precision}, {megabytes:.1f} MB: {classes}"


def describe_published(name: str) -> str:
    """Return the classes, input size, accuracy and licence of official weights, as published."""
    from detector.weights.published import CLASSES, LICENCE, TRAINING, published

    known = published(name)
    assert known is not None, name
    use = ", to train further" if name.endswith(TRAINING) else ""
    return (
        f"{CLASSES} classes of COCO, {known.size:4} x {known.size:4}, AP {known.ap:.1%}, "
        f"{LICENCE}{use}"
    )


def describe_cost(description: Description) -> str:
    """Return a network's parameters and operations, beside those that the paper states."""
    from detector.yolov7.cost import measure_cost

    paper = description.published
    size = paper.size if paper else 640
    cost = measure_cost(description, size=(size, size))
    if paper is None:
        return f"{cost.parameters:6.2f} M parameters, {cost.gflops:.1f} GFLOPs at {size}"
    note = f"; the paper counts the {paper.form} form" if paper.form != "deployed" else ""
    return (
        f"{cost.parameters:6.2f} M parameters ({paper.parameters:5.1f}), "
        f"{cost.gflops:5.1f} GFLOPs ({paper.gflops:5.1f}) at {size}{note}"
    )


def describe_int8(made: Quantised) -> str:
    """Return an INT8 model's path, runtime, size, layers left in floating point, and agreement."""
    files = [file for file in (made.path, made.path.with_suffix(".bin")) if file.is_file()]
    megabytes = sum(file.stat().st_size for file in files) / 1e6
    floats = len(made.manifest.float_layers)
    return (
        f"{made.path}: for {made.runtime}, {megabytes:.1f} MB, {floats} layers and the head in "
        f"floating point; {describe_agreement(made.agreement)}"
    )


def describe_agreement(agreement: Agreement) -> str:
    """Return how far an engine agrees with its reference."""
    return (
        f"{agreement.share:.1%} of {agreement.detections} detections agree with the reference, "
        f"boxes to {agreement.pixels:.2f} pixels, scores to {agreement.score:.4f}"
    )
