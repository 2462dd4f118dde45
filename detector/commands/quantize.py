"""The INT8 files of a model, calibrated and compared on images without labels."""

from __future__ import annotations

from pathlib import Path

import click

from detector.cli import Command


@click.command(cls=Command, renamed={"--pictures": "--images"})
@click.argument("model")
@click.option(
    "--images",
    "source",
    type=click.Path(path_type=Path),
    required=True,
    help="A video, or a folder of images.",
)
def quantize(model: str, source: Path) -> None:
    """Make the INT8 models of MODEL, for OpenVINO and for TensorRT, and put them beside it.

    MODEL is the path of an .onnx in fp32, or a name. Give images like those the model will see:
    some calibrate the ranges, some find the layers that must stay in floating point, and on the
    rest the result is compared with MODEL. A result that disagrees is refused, and nothing is kept.
    """
    from detector.acceptance.sample_images import read_images
    from detector.commands.describe import describe_int8
    from detector.int8.calibration import load_nncf
    from detector.int8.quantize import MAX_IMAGES, quantise
    from detector.manifest import Manifest
    from detector.progress import shown_progress
    from detector.weights.zoo import find_model

    load_nncf()
    file = find_model(model)
    with shown_progress() as progress:
        images = read_images(source, Manifest.beside(file).input_size, MAX_IMAGES)
        made = quantise(file, images, progress)
    for one in made:
        click.echo(describe_int8(one))
