"""An ONNX model with its manifest, from weights, another exporter's graph or random weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from detector.cli import Command, Size
from detector.errors import UsageError

if TYPE_CHECKING:
    from detector.manifest import Manifest
    from detector.yolov7.network import Network

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
    help="For an .onnx file: class names, separated by commas.  [default: as in the file]",
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
    network: str | None,
    num_classes: int,
    width: float,
    seed: int,
) -> None:
    """Write WEIGHTS as an ONNX model with its manifest.

    WEIGHTS is one of: a .safetensors file; an official .pt file; the name of official weights, such
    as yolov7-tiny, which are downloaded; or an .onnx file that the official code exported with
    decoded boxes and without non-maximum suppression.

    With --network instead of WEIGHTS, the weights are random. Such a model is only useful to
    measure speed.
    """
    from detector.commands.describe import describe_model
    from detector.manifest import manifest_path
    from detector.weights.convert import NEEDS_TRAIN, export_weights
    from detector.weights.zoo import find_weights

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
    if names and not raw:
        raise UsageError(
            f"--names {names} given, but WEIGHTS is not an .onnx file and names its own classes: "
            "leave --names out"
        )
    typed: dict[str, Any] = {"precision": precision, "batch": batch}
    try:
        if raw:
            manifest = _adapt(Path(weights or ""), output, size, precision, names)
        elif weights is not None:
            manifest = export_weights(find_weights(weights), output, size, **typed)
        else:
            assert network is not None
            random = _random_network(network, num_classes, width, seed)
            manifest = _export_random(random, output, size or (640, 640), **typed)
    except ModuleNotFoundError as error:
        raise UsageError(f"{NEEDS_TRAIN} (missing: {error.name})") from error
    except OSError as error:
        raise UsageError(f"cannot write '{output}': {error.strerror}") from error
    click.echo(f"{output}: {describe_model(manifest, output)}")
    click.echo(f"{manifest_path(output)}: its manifest")


def _adapt(
    raw: Path, output: Path, size: tuple[int, int] | None, precision: str, names: str | None
) -> Manifest:
    from detector.export.raw_onnx import adapt_model

    given = names.split(",") if names else None
    return adapt_model(raw, output, class_names=given, size=size, precision=precision)


def _random_network(name: str, classes: int, width: float, seed: int) -> Network:
    import torch

    from detector.yolov7.network import build_network

    torch.manual_seed(seed)
    return build_network(name, classes=classes, width=width)


def _export_random(network: Network, output: Path, size: tuple[int, int], **typed: Any) -> Manifest:
    from detector.export.onnx_export import export_model

    names = [f"class {i}" for i in range(network.classes)]
    return export_model(network, output, class_names=names, size=size, **typed)
