"""An ONNX model with its manifest, from weights, another exporter's graph or random weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from detector.cli import Command, Size
from detector.errors import UsageError

if TYPE_CHECKING:
    from detector.manifest import Manifest
    from detector.yolov7.weights import NetworkWeights

RENAMED = {"--size": "--imgsz", "--classes": "--num-classes"}


@click.command(cls=Command, renamed=RENAMED)
@click.argument("weights", required=False)
@click.option(
    "--output", required=True, type=click.Path(path_type=Path), help="The .onnx file to write."
)
@click.option("--imgsz", "size", type=Size(), help="Input size.  [default: as trained, or 640]")
@click.option(
    "--precision",
    type=click.Choice(["fp32", "fp16"]),
    default="fp32",
    show_default=True,
    help="Number format of the network; the boxes and scores are always fp32.",
)
@click.option(
    "--batch", type=click.IntRange(min=1), help="Fixed batch size.  [default: any up to 8]"
)
@click.option(
    "--names",
    help="For an .onnx file: class names, separated by commas, or a file: text with one per line, "
    "or a data.yaml.  [default: as in the file, or numbers]",
)
@click.option(
    "--pixels",
    type=click.Choice(["rgb", "bgr", "rgb-255", "bgr-255", "imagenet"]),
    help="For an .onnx file: what it takes: 0 to 1, 0 to 255, or less ImageNet's mean and divided "
    "by its deviation.  [default: as usual for its head]",
)
@click.option("--network", help="Export this network with random weights, without WEIGHTS.")
@click.option(
    "--num-classes",
    type=click.IntRange(min=1),
    default=80,
    show_default=True,
    help="Number of classes of --network.",
)
@click.option(
    "--width",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="Factor by which the channels of each layer of --network are multiplied.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the random weights.")
def export(
    weights: str | None,
    output: Path,
    size: tuple[int, int] | None,
    precision: str,
    batch: int | None,
    names: str | None,
    pixels: str | None,
    network: str | None,
    num_classes: int,
    width: float,
    seed: int,
) -> None:
    """Write WEIGHTS as an ONNX model with its manifest.

    WEIGHTS is one of: a .safetensors file; an official .pt file; the name of official weights, such
    as yolov7-tiny, which are downloaded; or an .onnx file of another exporter (docs/foreign.md).

    With --network instead of WEIGHTS, the weights are random. Such a model is only useful to
    measure speed.
    """
    from detector.commands.describe import describe_model
    from detector.manifest import manifest_path
    from detector.weights.convert import export_weights
    from detector.weights.zoo import find_weights
    from detector.yolov7.random_weights import random_weights

    if (weights is None) == (network is None):
        raise UsageError("give either WEIGHTS or --network NAME")
    if output.suffix != ".onnx":
        raise UsageError(f"--output is '{output}': give a name that ends in .onnx")
    raw = Path(weights or "").suffix == ".onnx"
    if raw and batch:
        raise UsageError(
            f"--batch {batch} given, but WEIGHTS is an .onnx file, which keeps its batch size: "
            "leave --batch out"
        )
    for option, given in (("--names", names), ("--pixels", pixels)):
        if given and not raw:
            raise UsageError(
                f"{option} {given} given, but WEIGHTS is not an .onnx file and says that itself: "
                f"leave {option} out"
            )
    typed: dict[str, Any] = {"precision": precision, "batch": batch}
    try:
        if raw:
            options: dict[str, Any] = {"size": size, "precision": precision, "pixels": pixels}
            manifest = _adapt(Path(weights or ""), output, names, **options)
        elif weights is not None:
            manifest = export_weights(find_weights(weights), output, size, **typed)
        else:
            assert network is not None
            random = random_weights(network, classes=num_classes, width=width, seed=seed)
            manifest = _export_random(random, output, size or (640, 640), **typed)
    except OSError as error:
        raise UsageError(f"cannot write '{output}': {error.strerror}") from error
    if raw:
        click.echo(f"{weights} has the head of {manifest.tools['head']}")
    click.echo(f"{output}: {describe_model(manifest, output)}")
    click.echo(f"{manifest_path(output)}: its manifest")


def _adapt(raw: Path, output: Path, names: str | None, **options: Any) -> Manifest:
    from detector.export.adapters.adapt import adapt_model
    from detector.export.adapters.class_names import read_names

    return adapt_model(raw, output, class_names=read_names(names) if names else None, **options)


def _export_random(
    weights: NetworkWeights, output: Path, size: tuple[int, int], **typed: Any
) -> Manifest:
    from detector.export.onnx_export import export_model

    names = [f"class {i}" for i in range(weights.classes)]
    return export_model(weights, output, class_names=names, size=size, **typed)
