"""Score a model against labelled images, and write the result into its manifest."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from detector.cli import Command, Size
from detector.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from detector.manifest import Manifest
    from trainer.evaluation.labelled import Labelled

SHOWN = 5  # mistakes in the data


@click.command(cls=Command)
@click.argument("model")
@click.option(
    "--labels",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help="Labelled images: a data.yaml in YOLO layout, a JSON in COCO's format, or a zip of labels "
    "with their images (docs/annotating.md).",
)
@click.option(
    "--images",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of the images of a JSON.  [default: beside it, or as COCO arranges them]",
)
@click.option(
    "--split", default="val", show_default=True, help="The key of the data.yaml that names images."
)
@click.option("--imgsz", "size", type=Size(), help="Input size, if MODEL leaves it open.")
def check(
    model: str, labels: Path, images: Path | None, split: str, size: tuple[int, int] | None
) -> None:
    """Print the average precision of MODEL on labelled images, and write it into its manifest.

    MODEL is a name, weights, or an .onnx file. The accuracy published for official weights is
    printed beside it. Classes are compared by name; objects of classes that MODEL does not know
    are left out.
    """
    if find_spec("faster_coco_eval") is None:
        raise UsageError("this needs faster-coco-eval: install the project's extra `check`")
    from rich.console import Console

    from detector.manifest import Manifest, manifest_path
    from detector.weights.published import published
    from detector.weights.zoo import bundled_models, find_model
    from trainer.commands.tables import print_scores
    from trainer.evaluation.average_precision import score
    from trainer.evaluation.evaluate import evaluate_images, open_model
    from trainer.evaluation.labelled import load_labelled

    file = find_model(model, size=size)
    with open_model(file) as opened:
        data = load_labelled(labels, opened.class_names, images=images, split=split)
        _say(data)
        report = score(evaluate_images(opened, data.images), data.classes)
    print_scores(Console(), f"{model} on {labels}", report)
    numbers = dict(report.numbers)
    if official := published(model):
        numbers |= {"published/ap": official.ap, "published/ap50": official.ap50}
        click.echo(
            f"published: AP {official.ap:.3f}, AP50 {official.ap50:.3f}, at {official.size} x "
            f"{official.size} on COCO test-dev"
        )
    if model in bundled_models():
        click.echo("the manifest of a bundled model keeps the accuracy that it was delivered with")
        return
    manifest = manifest_path(file)
    try:
        _with_accuracy(Manifest.read(manifest), numbers).write(manifest)
    except OSError as error:
        raise UsageError(f"cannot write '{manifest}': {error.strerror}") from error
    click.echo(f"{manifest}: its manifest, with this accuracy")


def _say(data: Labelled) -> None:
    """Print what is scored, and what is left out."""
    click.echo(f"labels: {data.images.counts}")
    if data.unknown:
        click.echo(f"left out, unknown to the model: {', '.join(data.unknown)}", err=True)
    if data.mistakes:
        click.echo(f"{len(data.mistakes)} mistakes in the data, mended or left out:", err=True)
    for line in data.mistakes[:SHOWN]:
        click.echo(f"  {line}", err=True)


def _with_accuracy(manifest: Manifest, numbers: Mapping[str, float]) -> Manifest:
    """Return the manifest with this accuracy; the agreement of an INT8 model stays."""
    agreement = {k: v for k, v in manifest.accuracy.items() if k.startswith("agreement/")}
    return replace(manifest, accuracy={**agreement, **numbers})
