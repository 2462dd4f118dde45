"""Sections of a report: accuracy, curves, confusion matrix, and the images with most mistakes."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version

import cv2

from detector.detections import Float32Array, Int64Array, UInt8Array
from detector.drawing import Colour, draw_box
from detector.html_page import MAX_SIDE, Page
from trainer.data.samples import Dataset
from trainer.evaluation.analysis import CONFIDENCES, Analysis
from trainer.evaluation.average_precision import EvaluatedImage, Report, Score
from trainer.report.svg_chart import Line, chart
from trainer.training_state import Row

WORST = 12  # images
LABELLED_RGB, FOUND_RGB = (40, 200, 80), (240, 60, 60)
PACKAGES = ("torch", "numpy", "opencv-python-headless", "onnx", "openvino", "faster-coco-eval")


def add_accuracy(page: Page, report: Report, analysis: Analysis) -> None:
    """Add average precision per class, curves, and the confusion matrix."""
    header = ("class", "objects", "AP50", "AP75", "AP", "small", "medium", "large", "AR")
    rows = [(name, *cells(score)) for name, score in report.classes.items()]
    page.table("Average precision", header, [*rows, ("mean", *cells(report.mean))])
    if len(report.clips) > 1:
        by_clip = [
            (f"{clip}: {name}", *cells(score))
            for clip, classes in report.clips.items()
            for name, score in classes.items()
        ]
        page.table("Average precision by clip or folder", header, by_clip)
    if analysis.curves:
        page.paragraph(
            f"The mean F1 over classes is highest, {analysis.f1:.3f}, at a confidence of "
            f"{analysis.confidence:.2f}."
        )
    # a chart shows only the first classes: those with the most objects
    curves = dict(sorted(analysis.curves.items(), key=lambda each: -each[1].objects))
    recalls: dict[str, Line] = {
        name: (curve.recall.tolist(), curve.precision.tolist()) for name, curve in curves.items()
    }
    page.figure(
        chart(recalls, "recall", "precision", unit=True), "Precision over recall, at IoU 0.50"
    )
    for column, name in enumerate(("precision", "recall", "F1")):
        lines: dict[str, Line] = {
            class_name: (CONFIDENCES.tolist(), curve.by_confidence[:, column].tolist())
            for class_name, curve in curves.items()
        }
        page.figure(
            chart(lines, "confidence", name, unit=True), f"{name} over confidence, at IoU 0.50"
        )
    names = [*report.class_names, "background"]
    confusion = [
        (name, *map(str, counts))
        for name, counts in zip(names, analysis.confusion.tolist(), strict=True)
    ]
    page.table(
        f"Detected as (row), labelled as (column), at confidence {analysis.confidence:.2f}",
        ("", *names),
        confusion,
    )


def cells(score: Score) -> tuple[str, ...]:
    """Return a score as cells of a table row, the number of objects first."""
    sizes = (score.ap_small, score.ap_medium, score.ap_large)
    values = (score.ap50, score.ap75, score.ap, *sizes, score.ar)
    return str(score.objects), *map(figure, values)


def figure(value: float | None) -> str:
    """Return a score as text; `-` for one that cannot be measured."""
    return "-" if value is None else f"{value:.3f}"


def add_worst(
    page: Page,
    dataset: Dataset,
    evaluated: Sequence[EvaluatedImage],
    analysis: Analysis,
    class_names: Sequence[str],
) -> None:
    """Add the images with the most mistakes: labels in green, detections in red."""
    page.heading("Images with the most mistakes")
    worst = analysis.worst(WORST)
    if not worst:
        page.paragraph("No image has a mistake.")
    for index in worst:
        sample, found = dataset[index], evaluated[index].detections
        shown = found[found.scores >= analysis.confidence]
        image = drawn(sample.image, sample.boxes_xyxy, sample.class_ids, class_names, LABELLED_RGB)
        image = drawn(image, shown.boxes_xyxy, shown.class_ids, class_names, FOUND_RGB)
        page.image(image, f"{sample.key}; mistakes: {analysis.mistakes[index]}")


def drawn(
    image: UInt8Array,
    boxes_xyxy: Float32Array,
    class_ids: Int64Array,
    class_names: Sequence[str],
    colour: Colour,
) -> UInt8Array:
    """Return a copy of an (h, w, 3) RGB image with boxes and their class names."""
    copy: UInt8Array = image.copy()
    scale = max(image.shape[:2]) / MAX_SIDE
    line = max(1, round(scale))
    around = line // 2  # the line of width `line` lies around the box, not on the object
    for (left, top, right, bottom), class_id in zip(
        boxes_xyxy.round().astype(int).tolist(), class_ids.tolist(), strict=True
    ):
        outer = (left - around, top - around, right + 1 + around, bottom + 1 + around)
        draw_box(copy, outer, colour, line)
        start, font = (left + 2, max(top - 3, 10)), cv2.FONT_HERSHEY_SIMPLEX
        cv2.putText(copy, class_names[class_id], start, font, 0.45 * scale, colour, line)
    return copy


def add_history(page: Page, history: Sequence[Row]) -> None:
    """Add the curves of a training from its results by epoch."""
    page.heading("The training")
    for names, y_name in (
        (("loss", "box", "objectness", "classification"), "loss"),
        (("ap50", "ap75", "ap"), "average precision"),
        (("lr",), "learning rate"),
    ):
        lines = {name: _column(history, name) for name in names}
        page.figure(chart(lines, "epoch", y_name), f"{y_name} over epochs")


def _column(history: Sequence[Row], name: str) -> Line:
    known = [(row["epoch"], row.get(name)) for row in history]
    pairs = [(float(x), float(y)) for x, y in known if x is not None and y is not None]
    return [x for x, _ in pairs], [y for _, y in pairs]


def add_versions(page: Page, tools: Mapping[str, str]) -> None:
    """Add the versions of packages and the machine."""
    page.heading("Versions")
    known = {"python": platform.python_version()}
    known |= {**{name: version(name) for name in PACKAGES}, **tools}
    known["machine"] = f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}"
    page.table("", ("package", "version"), list(known.items()))
