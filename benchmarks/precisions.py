"""python -m benchmarks.precisions: what a precision costs in agreement, and gains on the CPU.

Either of a model with its INT8 models beside it (--model street), or of a network of the family
with random weights (--network yolov7-w6), which is exported, halved and quantised first. The
engines are timed in turn within each round, so that they share whatever else the machine does; the
table gives medians, of ratios to fp32 of the same round, too.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median
from time import process_time

import click

from benchmarks.machine import cores
from benchmarks.material import find_clip
from detector.acceptance.agreement import Agreement
from detector.acceptance.gate import agree
from detector.acceptance.sample_images import read_images
from detector.cli import Size
from detector.detections import UInt8Array
from detector.engines import Engine, make_engine
from detector.export.precisions import find_int8, half_model, need_int8
from detector.hardware.cpu import computes_bf16, cpu_name
from detector.int8.quantize import divided, quantise
from detector.manifest import Manifest, manifest_path
from detector.progress import shown_progress
from detector.weights.zoo import find_model
from tests.support.paths import ROOT

ROUND = 8  # pictures that each engine sees in a round

Engines = Mapping[str, Engine]


@click.command()
@click.option("--model", help="A model with its INT8 models beside it.")
@click.option("--network", help="Of the family, with random weights.")
@click.option("--width", type=float, default=1.0, show_default=True, help="Of --network.")
@click.option("--size", type=Size(), default="640", show_default=True, help="Of --network.")
@click.option("--pictures", "count", type=click.IntRange(8), default=128, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=15, show_default=True)
def main(
    model: str | None,
    network: str | None,
    width: float,
    size: tuple[int, int],
    count: int,
    rounds: int,
) -> None:
    """Print agreement with fp32, and speed as a share of it, of a model in each precision."""
    if (model is None) == (network is None):
        raise click.UsageError("give either --model or --network")
    folder = ROOT / "build" / "precisions"
    file = find_model(model) if model else _random_model(folder, str(network), width, size, count)
    pictures = read_images(find_clip(folder), Manifest.beside(file).input_size, count)
    click.echo(f"{file.stem}, {cores()} cores of {cpu_name()}, {rounds} rounds of {ROUND} pictures")
    with ExitStack() as opened:
        engines = {
            name: opened.enter_context(closing(engine)) for name, engine in _engines(file).items()
        }
        agreements = _agreement(engines, file, divided(pictures).comparison)
        times = [_round(engines, pictures[:ROUND]) for _ in range(rounds)]
    click.echo("\n".join(_table(agreements, times)))


def _random_model(
    folder: Path, network: str, width: float, size: tuple[int, int], count: int
) -> Path:
    """Export and quantise a network, unless that was done before."""
    from detector.export.onnx_export import export_model
    from tests.support.random_network import random_network

    file = folder / f"{network}-{width:g}-{size[0]}x{size[1]}.onnx"
    pictures = read_images(find_clip(folder), size, count)
    if not file.is_file():
        made = random_network(network, pictures[:4], width=width)
        names = [f"class {i}" for i in range(made.classes)]
        export_model(made, file, class_names=names, size=size)
    if find_int8(file, "openvino") is None:
        with shown_progress() as progress:
            quantise(file, pictures, progress)
    return file


def _engines(file: Path) -> dict[str, Engine]:
    """Open all that the CPU runs, also the files for GPUs, which here are only judged."""
    engines = {"fp32": make_engine("openvino", file, precision="fp32", streams=1)}
    if computes_bf16():
        engines["bf16"] = make_engine("openvino", file, precision="bf16", streams=1)
    engines["fp16"] = make_engine("openvino", _half(file), precision="fp32", streams=1)
    for name, runtime in (("int8", "openvino"), ("int8 for TensorRT", "tensorrt")):
        engines[name] = make_engine("openvino", need_int8(file, runtime), streams=1)
    return engines


def _half(file: Path) -> Path:
    """Write the typed FP16 model and its manifest, and return the file."""
    cached, manifest = half_model(file, Manifest.beside(file))
    path = ROOT / "build" / "precisions" / f"{file.stem}.fp16.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(cached, path)
    manifest.write(manifest_path(path))
    return path


def _agreement(engines: Engines, file: Path, pictures: UInt8Array) -> dict[str, Agreement]:
    """Hold each against fp32, to the tolerance of its own precision."""
    manifest = Manifest.beside(file)
    held_to = {name: manifest.tolerance_of(name.partition(" ")[0]) for name in engines}
    return {
        name: agree(engines["fp32"], engine, pictures, held_to[name])
        for name, engine in engines.items()
    }


def _round(engines: Engines, pictures: UInt8Array) -> dict[str, float]:
    """Return the CPU milliseconds of each engine per picture: others take of the wall's time."""
    took = {}
    for name, engine in engines.items():
        began = process_time()
        for picture in pictures:
            engine.submit(picture[None]).result()
        took[name] = 1e3 * (process_time() - began) / len(pictures)
    return took


def _table(
    agreements: Mapping[str, Agreement], times: Sequence[Mapping[str, float]]
) -> Iterator[str]:
    yield f"{'':<19}{'agree':>7}{'pixels':>8}{'score':>8}{'CPU ms':>9}{'fp32 / it':>11}"
    for name, agreement in agreements.items():
        ratio = median(took["fp32"] / took[name] for took in times)
        yield (
            f"{name:<19}{agreement.share:>7.1%}{agreement.pixels:>8.2f}{agreement.score:>8.4f}"
            f"{median(took[name] for took in times):>9.1f}{ratio:>11.2f}"
        )


if __name__ == "__main__":
    main()
