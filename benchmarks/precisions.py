"""python -m benchmarks.precisions: what each precision costs in agreement, and gains on the CPU.

Measures a model with its INT8 models beside it (--model street), or a network with random weights
(--network yolov7-w6), which is first exported and converted to FP16 and INT8. The engines take
turns within each round, so that other load on the machine affects all of them. The table gives
medians of the times, and of the ratios to fp32 in the same round.
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
from detector.acceptance.gate import compare_engines
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

ROUND = 8  # images per engine and round

Engines = Mapping[str, Engine]


@click.command()
@click.option("--model", help="A model with its INT8 models beside it.")
@click.option("--network", help="A network of the YOLOv7 family, with random weights.")
@click.option("--width", type=float, default=1.0, show_default=True, help="Width of --network.")
@click.option(
    "--size", type=Size(), default="640", show_default=True, help="Input size of --network."
)
@click.option("--images", "count", type=click.IntRange(8), default=128, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=15, show_default=True)
def main(
    model: str | None,
    network: str | None,
    width: float,
    size: tuple[int, int],
    count: int,
    rounds: int,
) -> None:
    """Print the agreement with fp32 and the CPU time of a model in each precision."""
    if (model is None) == (network is None):
        raise click.UsageError("give either --model or --network")
    folder = ROOT / "build" / "precisions"
    file = find_model(model) if model else _random_model(folder, str(network), width, size, count)
    images = read_images(find_clip(folder), Manifest.beside(file).input_size, count)
    click.echo(f"{file.stem}, {cores()} cores of {cpu_name()}, {rounds} rounds of {ROUND} images")
    with ExitStack() as opened:
        engines = {
            name: opened.enter_context(closing(engine)) for name, engine in _engines(file).items()
        }
        agreements = _agreement(engines, file, divided(images).comparison)
        times = [_round(engines, images[:ROUND]) for _ in range(rounds)]
    click.echo("\n".join(_table(agreements, times)))


def _random_model(
    folder: Path, network: str, width: float, size: tuple[int, int], count: int
) -> Path:
    """Return a network exported and quantised; both are done once."""
    from detector.export.onnx_export import export_model
    from tests.support.random_network import random_network

    file = folder / f"{network}-{width:g}-{size[0]}x{size[1]}.onnx"
    images = read_images(find_clip(folder), size, count)
    if not file.is_file():
        made = random_network(network, images[:4], width=width)
        names = [f"class {i}" for i in range(made.classes)]
        export_model(made.weights(), file, class_names=names, size=size)
    if find_int8(file, "openvino") is None:
        with shown_progress() as progress:
            quantise(file, images, progress)
    return file


def _engines(file: Path) -> dict[str, Engine]:
    """Open all precisions on the CPU. The files for GPUs are measured for agreement only."""
    engines = {"fp32": make_engine("openvino", file, precision="fp32", streams=1)}
    if computes_bf16():
        engines["bf16"] = make_engine("openvino", file, precision="bf16", streams=1)
    engines["fp16"] = make_engine("openvino", _half(file), precision="fp32", streams=1)
    for name, runtime in (("int8", "openvino"), ("int8 for TensorRT", "tensorrt")):
        engines[name] = make_engine("openvino", need_int8(file, runtime), streams=1)
    return engines


def _half(file: Path) -> Path:
    """Write the typed FP16 model and its manifest, and return its path."""
    cached, manifest = half_model(file, Manifest.beside(file))
    path = ROOT / "build" / "precisions" / f"{file.stem}.fp16.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(cached, path)
    manifest.write(manifest_path(path))
    return path


def _agreement(engines: Engines, file: Path, images: UInt8Array) -> dict[str, Agreement]:
    """Compare each engine with fp32, within the tolerance of its precision."""
    manifest = Manifest.beside(file)
    tolerances = {name: manifest.tolerance_of(name.partition(" ")[0]) for name in engines}
    return {
        name: compare_engines(engines["fp32"], engine, images, tolerances[name])
        for name, engine in engines.items()
    }


def _round(engines: Engines, images: UInt8Array) -> dict[str, float]:
    """Return the CPU milliseconds of each engine per image: wall time depends on other load."""
    took = {}
    for name, engine in engines.items():
        began = process_time()
        for image in images:
            engine.submit(image[None]).result()
        took[name] = 1e3 * (process_time() - began) / len(images)
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
