"""The engine of a model for this machine, compared with its reference."""

from __future__ import annotations

from pathlib import Path

import click

from detector.cli import Command, Size
from detector.engines import ENGINES
from detector.engines.auto import AUTO, choose_engine
from detector.errors import UsageError


@click.command(cls=Command, renamed={"--pictures": "--images"})
@click.argument("model")
@click.option(
    "--engine",
    type=click.Choice([AUTO, *(name for name in ENGINES if name != "fake")]),
    default=AUTO,
    show_default=True,
    help="The runtime; auto is the fastest that this machine can run.",
)
@click.option(
    "--precision", help="auto, fp32, bf16, fp16 or int8; not every runtime has all of them."
)
@click.option("--device", help="Device, as the runtime names it: CPU, cuda, cuda:1.")
@click.option("--imgsz", "size", type=Size(), help="Input size, if MODEL is weights.")
@click.option(
    "--batch", type=click.IntRange(min=1), help="TensorRT only: batch size to optimise for."
)
@click.option(
    "--images", type=click.Path(path_type=Path), help="A video or a folder of images to compare on."
)
def build(
    model: str,
    engine: str,
    precision: str | None,
    device: str | None,
    size: tuple[int, int] | None,
    batch: int | None,
    images: Path | None,
) -> None:
    """Make the engine of MODEL for this machine, and compare it with its reference.

    MODEL is a name, an .onnx file, or weights. The engine is kept in the cache, so that a run
    starts at once. The reference is the model as OpenVINO runs it in fp32. An engine whose
    detections differ from the reference's by more than the tolerance is refused.
    """
    from detector.acceptance.gate import open_accepted
    from detector.commands.describe import describe_agreement
    from detector.engines import prepare_engine
    from detector.progress import shown_progress
    from detector.weights.zoo import find_model

    file = find_model(model, size=size)
    name = choose_engine(file) if engine == AUTO else engine
    if batch is not None and name != "tensorrt":
        raise UsageError(f"--batch is for tensorrt, and the engine is {name}: leave it out")
    asked = {"precision": precision, "device": device, "batch": batch}
    options = {key: value for key, value in asked.items() if value is not None}
    with shown_progress() as progress:
        prepare_engine(name, file, progress, **options)
        progress(1.0, "comparing the engine with its reference")
        accepted = open_accepted(name, file, images=images, **options)
    said = "it is the reference itself"
    if accepted.agreement is not None:
        said = describe_agreement(accepted.agreement)
    click.echo(f"{file}: {name} in {accepted.engine.precision}; {said}")
    accepted.engine.close()
