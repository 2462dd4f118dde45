"""python -m detector: what there is, models of networks, engines of models. Torch comes late."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from detector.cli import Commands, Size
from detector.commands.build import build, quantize
from detector.commands.doctor import doctor
from detector.errors import UsageError
from detector.manifest import Manifest, manifest_path
from detector.weights.convert import NEEDS_TRAIN, export_weights
from detector.weights.zoo import bundled_models, find_weights
from detector.yolov7.description import Description, network_names, read_description

if TYPE_CHECKING:
    from detector.yolov7.network import Network

PathOption = click.Path(path_type=Path)


@click.group(cls=Commands)
def main() -> None:
    """Detection models: what there is, and how to make one."""


for command in (doctor, quantize, build):
    main.add_command(command)


@main.command("list")
def list_() -> None:
    """Print the bundled models, and the networks that models are made of."""
    click.echo("models (--model NAME):")
    for name, model in bundled_models().items():
        click.echo(f"  {name:<16} {_describe(Manifest.beside(model), model)}")
    click.echo("networks (deployed, 80 classes; in brackets what the paper says):")
    try:
        for name in network_names():
            click.echo(f"  {name:<16} {_cost(read_description(name))}")
    except ModuleNotFoundError:
        click.echo(f"  {NEEDS_TRAIN}")


def _cost(description: Description) -> str:
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


@main.command()
@click.argument("weights", required=False)
@click.option("--output", required=True, type=PathOption, help="the .onnx file to write")
@click.option("--size", type=Size(), help="of the input; default: as trained, or 640")
@click.option("--precision", type=click.Choice(["fp32", "fp16"]), default="fp32")
@click.option("--batch", type=click.IntRange(min=1), help="fix it; default: any up to 8")
@click.option("--names", help="of an .onnx: its classes, as in person,car")
@click.option("--network", help="without WEIGHTS: export this network with random weights")
@click.option("--classes", type=click.IntRange(min=1), default=80, help="of --network")
@click.option(
    "--width",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    help="of --network: factor on its channels",
)
@click.option("--seed", type=int, default=0, help="of the random weights")
def export(
    weights: str | None,
    output: Path,
    size: tuple[int, int] | None,
    precision: str,
    batch: int | None,
    names: str | None,
    network: str | None,
    classes: int,
    width: float,
    seed: int,
) -> None:
    """Write WEIGHTS as an ONNX model with its manifest.

    WEIGHTS are a .safetensors file, an official .pt file, or the name of a released one, such as
    yolov7-tiny, which is downloaded; or an .onnx file with decoded rows, as official code exports
    it. With --network instead the weights are random: enough to measure speed.
    """
    if (weights is None) == (network is None):
        raise UsageError("give either WEIGHTS or --network NAME")
    if output.suffix != ".onnx":
        raise UsageError(f"--output is '{output}': give a name that ends in .onnx")
    raw = Path(weights or "").suffix == ".onnx"
    if raw and batch:
        raise UsageError("--batch: an .onnx file keeps the batch it has; leave it out")
    if names and not raw:
        raise UsageError("--names is for an .onnx file only: other files name their classes")
    typed: dict[str, Any] = {"precision": precision, "batch": batch}
    try:
        if raw:
            manifest = _adapt(Path(weights or ""), output, size, precision, names)
        elif weights is not None:
            manifest = export_weights(find_weights(weights), output, size, **typed)
        else:
            assert network is not None
            torch_network = _random_network(network, classes, width, seed)
            manifest = _export_random(torch_network, output, size or (640, 640), **typed)
    except ModuleNotFoundError as error:
        raise UsageError(f"{NEEDS_TRAIN} (missing: {error.name})") from error
    except OSError as error:
        raise UsageError(f"cannot write '{output}': {error.strerror}") from error
    click.echo(f"{output}: {_describe(manifest, output)}")
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


def _describe(manifest: Manifest, model: Path) -> str:
    height, width = manifest.input_size
    few = ", ".join(manifest.classes) if len(manifest.classes) <= 5 else ""
    classes = few or f"{len(manifest.classes)} classes"
    megabytes = model.stat().st_size / 1e6
    return f"{height} x {width}, {manifest.precision}, {megabytes:.1f} MB: {classes}"


if __name__ == "__main__":
    main(prog_name="python -m detector")
