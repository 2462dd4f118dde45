"""python -m detector quantize and build: INT8 of a model, and its engine for this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from detector.acceptance.sample_images import read_pictures
from detector.cli import Size
from detector.engines import ENGINES, prepare_engine
from detector.engines.auto import AUTO, choose_engine
from detector.errors import UsageError
from detector.manifest import Manifest
from detector.progress import shown_progress
from detector.weights.zoo import find_model

if TYPE_CHECKING:
    from detector.acceptance.agreement import Agreement
    from detector.int8.quantize import Quantised

PathOption = click.Path(path_type=Path)


@click.command()
@click.argument("model")
@click.option(
    "--pictures", "source", type=PathOption, required=True, help="A video, or a folder of pictures."
)
def quantize(model: str, source: Path) -> None:
    """Make the INT8 models of MODEL, for OpenVINO and for TensorRT, and put them beside it.

    MODEL is the path of an .onnx in fp32, or a name. The pictures are of what it is to see. Some
    are for the ranges of numbers, some to find layers that INT8 must spare, and on the rest what
    comes out is held against the model itself: one that drifts is refused, and nothing is kept.
    """
    from detector.int8.calibration import load_nncf
    from detector.int8.quantize import PICTURES, quantise

    load_nncf()
    file = find_model(model)
    with shown_progress() as progress:
        pictures = read_pictures(source, Manifest.beside(file).input_size, PICTURES)
        made = quantise(file, pictures, progress)
    for one in made:
        click.echo(describe(one))


def describe(made: Quantised) -> str:
    """Return what was made, in a line."""
    megabytes = sum(file.stat().st_size for file in files_of(made.path)) / 1e6
    floats = len(made.manifest.float_layers)
    return (
        f"{made.path}: for {made.runtime}, {megabytes:.1f} MB, {floats} layers and the head in "
        f"floating point; {in_words(made.agreement)}"
    )


def files_of(model: Path) -> list[Path]:
    """Return the files of a model but for its manifest."""
    return [file for file in (model, model.with_suffix(".bin")) if file.is_file()]


def in_words(agreement: Agreement) -> str:
    """Return how far an engine agrees with its reference."""
    return (
        f"{agreement.share:.1%} of {agreement.detections} detections agree with the reference, "
        f"boxes to {agreement.pixels:.2f} pixels, scores to {agreement.score:.4f}"
    )


@click.command()
@click.argument("model")
@click.option(
    "--engine",
    type=click.Choice([AUTO, *(name for name in ENGINES if name != "fake")]),
    default=AUTO,
    help="The runtime; auto: the fastest that this machine can run.",
)
@click.option("--precision", help="auto, fp32, bf16, fp16 or int8, as far as the runtime has it.")
@click.option("--device", help="As the runtime names it: CPU, cuda, cuda:1.")
@click.option("--imgsz", "size", type=Size(), help="Of weights: the size to export them for.")
@click.option("--batch", type=click.IntRange(min=1), help="Of tensorrt: to be fastest with.")
@click.option("--pictures", type=PathOption, help="To judge it on: a video or a folder.")
def build(
    model: str,
    engine: str,
    precision: str | None,
    device: str | None,
    size: tuple[int, int] | None,
    batch: int | None,
    pictures: Path | None,
) -> None:
    """Make the engine of MODEL for this machine, and see that it is right.

    MODEL is whatever the pipeline takes: a name, an .onnx, weights. What takes long is kept in the
    cache, so that a run starts at once. The engine is held against the model as OpenVINO runs it
    in fp32, and refused if it finds something else.
    """
    from detector.acceptance.gate import open_gated

    file = find_model(model, size=size)
    name = choose_engine(file) if engine == AUTO else engine
    if batch is not None and name != "tensorrt":
        raise UsageError(f"--batch is for tensorrt, and the engine is {name}: leave it out")
    asked = {"precision": precision, "device": device, "batch": batch}
    options = {key: value for key, value in asked.items() if value is not None}
    with shown_progress() as progress:
        prepare_engine(name, file, progress, **options)
        progress(1.0, "judging the engine")
        gated = open_gated(name, file, pictures=pictures, **options)
    said = "there is nothing to hold it against"
    if gated.agreement is not None:
        said = in_words(gated.agreement)
    click.echo(f"{file}: {name} in {gated.engine.precision}; {said}")
    gated.engine.close()
