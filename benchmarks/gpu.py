"""python -m benchmarks.gpu: engines and trainer on a GPU, in one table.

Compares both GPU engines with the CPU on real images; shows whether uploads, compute and downloads
of different slots overlap; gives the speed of YOLOv7 per batch size, as a share of the GPU's peak,
of a whole run against its engine alone, and of the trainer against its steps alone. Decodes on the
GPU, alone and with the engine, and says how many cameras of 1080p30 a whole run serves.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import cast

import click

from benchmarks.engine_speed import in_flight, noise
from benchmarks.gpu_training import training
from benchmarks.gpu_video import decoding, video
from benchmarks.material import BOXES, CANDIDATES, find_clip, find_large_clip
from benchmarks.result import Result
from benchmarks.timeline import beside, read_trace
from detector.acceptance.agreement import compare
from detector.acceptance.sample_images import read_images
from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.engines import Engine, make_engine
from detector.errors import FramelaneError
from detector.hardware.cuda_driver import Gpu, find_gpus
from detector.tolerance import Tolerance
from pipeline.assembly.run import build
from pipeline.config import RunConfig
from pipeline.process_settings import apply_process_settings
from pipeline.run import Run
from tests.support.paths import ROOT

NETWORK, SIZE, CLASSES = "yolov7", (640, 640), 80
BATCHES = (1, 16)
IMAGES = 8  # for comparing engines: the CPU is slow
OVERLAP = 0.5  # wanted share of copying during another slot's compute
WHOLE = 0.95  # wanted speed of a whole run, as a share of its engine's
FRAMES = 1000  # per run; the first tenth is not counted
POLL = 0.005  # seconds between two checks of a run


@dataclass(frozen=True, slots=True)
class Material:
    """Clip and models for the measurements.

    models: engine -> an .onnx in the precision to measure, with its weights beside it
    gflops: per image; peak_flops: of the GPU, per second
    """

    folder: Path
    clip: Path
    models: dict[str, Path]
    gflops: float
    peak_flops: float


def make_material(folder: Path) -> Material:
    """Return the material in `folder`; what is missing is made first."""
    from detector.yolov7.cost import measure_cost

    folder.mkdir(parents=True, exist_ok=True)
    models = {name: folder / name / f"{NETWORK}.onnx" for name in ("torch", "tensorrt")}
    clip = find_clip(folder)
    if not all(model.is_file() for model in models.values()):
        _export(models, clip)
    gflops = measure_cost(NETWORK, size=SIZE).gflops
    return Material(folder, clip, models, gflops, peak_flops())


def _export(models: dict[str, Path], clip: Path) -> None:
    from detector.export.onnx_export import export_model
    from detector.manifest import sha256_of
    from detector.weights.torch_networks import save_weights
    from tests.support.random_network import random_network

    network = random_network(NETWORK, read_images(clip, SIZE, IMAGES), classes=CLASSES)
    names = [f"class {number}" for number in range(CLASSES)]
    for engine, precision in (("torch", "fp32"), ("tensorrt", "fp16")):
        model = models[engine]
        weights = model.with_suffix(".safetensors")
        save_weights(network, weights, class_names=names, size=SIZE)
        export_model(
            network.weights(),
            model,
            class_names=names,
            size=SIZE,
            max_batch=max(BATCHES),
            precision=precision,
            weights_sha256=sha256_of(weights),
        )


def found_one_by_one(engine: Engine, images: UInt8Array) -> list[Candidates]:
    """Return the candidates of an engine, image by image."""
    return [engine.submit(image[None]).result() for image in images]


def agreement(
    name: str, engine: Engine, expected: Sequence[Candidates], images: UInt8Array
) -> Result:
    """Return whether an engine agrees with the CPU in float32."""
    tolerance = engine.manifest.tolerance_of("fp16")
    agrees = compare(expected, found_one_by_one(engine, images), tolerance)
    return Result(
        f"{name}: agrees with the CPU",
        f"{agrees.share:.1%} of {agrees.detections} detections; at most {agrees.pixels:.2f} pixels "
        f"and {agrees.score:.4f} off",
        _wanted(tolerance),
        agrees.share >= tolerance.share,
    )


def _wanted(tolerance: Tolerance) -> str:
    return f"{tolerance.share:.0%} within {tolerance.pixels:g} pixels and {tolerance.score:g}"


def peak_flops() -> float:
    """Return the speed of a large matrix product by torch, in half precision: the GPU's peak."""
    import torch

    left, right = (torch.randn(8192, 8192, device="cuda", dtype=torch.half) for _ in range(2))
    for _ in range(5):
        left @ right
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    start.record()
    for _ in range(20):
        left @ right
    end.record()
    torch.cuda.synchronize()
    seconds: float = start.elapsed_time(end) / 1e3
    return 20 * 2 * 8192**3 / seconds


def speeds(name: str, engine: Engine, material: Material) -> Iterator[Result]:
    """Yield the time per batch, alone and with all slots in flight, and the share of the peak."""
    for batch in BATCHES:
        images = noise(engine, batch)
        in_flight(engine, images, 20, engine.slots)  # until the clocks have gone up
        alone = in_flight(engine, images, 100, 1)
        among = in_flight(engine, images, 300, engine.slots)
        share = batch * material.gflops * 1e9 / among / material.peak_flops
        yield Result(
            f"{name}: {NETWORK} {SIZE[0]}, batch {batch}",
            f"{1e3 * alone:.2f} ms alone; {1e3 * among:.2f} ms with {engine.slots} in flight: "
            f"{batch / among:.0f} images/s, {share:.0%} of {material.peak_flops / 1e12:.0f} "
            "TFLOP/s",
        )


def overlap(name: str, engine: Engine, folder: Path) -> Iterator[Result]:
    """Yield the share of copying that overlaps with another slot's compute, from a trace."""
    from torch.profiler import ProfilerActivity, profile

    images = noise(engine, max(BATCHES))
    trace = folder / f"{name}.trace.json"
    with profile(activities=[ProfilerActivity.CUDA]) as recorded:
        in_flight(engine, images, 50, engine.slots)
    recorded.export_chrome_trace(str(trace))
    spans = read_trace(trace)
    for kind in ("upload", "download"):
        share = beside(spans[kind], spans["compute"])
        yield Result(
            f"{name}: {kind} during another slot's compute",
            f"{share:.0%} of its time (timeline: {trace})",
            f"at least {OVERLAP:.0%}",
            share >= OVERLAP,
        )


def whole(
    name: str, model: Path, engine: Engine, clip: Path, confidence: float, folder: Path
) -> Result:
    """Return the speed of a run from the clip to JSON lines, as a share of its engine's."""
    alone = 1 / in_flight(engine, noise(engine, 1), FRAMES, engine.slots)
    output = folder / f"{name}.jsonl"
    apply_process_settings()
    run = build(
        RunConfig.model_validate(
            {
                "sources": [{"url": str(clip), "name": "clip", "max_frames": FRAMES}],
                "model": {"name": str(model), "engine": name},
                "detect": {"conf": confidence, "max_detections": BOXES},
                "outputs": [str(output)],
            }
        )
    )
    what = f"{name}: a whole run of {clip.name}"
    fps = _pace(run)
    if run.pipeline.failures:
        return Result(what, f"failed: {run.pipeline.failures[0].error}", holds=False)
    return Result(
        what,
        f"{fps:.0f} frames/s; its engine alone {alone:.0f}: {fps / alone:.2f}",
        f"at least {WHOLE}",
        fps / alone >= WHOLE,
    )


def _pace(run: Run) -> float:
    """Run, and return the frames per second without the first tenth; 0 if the run failed."""
    ledger, marks = run.pipeline.ledger, []
    run.pipeline.start()
    while not run.pipeline.wait(POLL):
        marks.append((monotonic(), ledger.balance("clip").emitted))
    run.pipeline.join()
    if run.pipeline.failures:
        return 0.0
    marks.append((monotonic(), ledger.balance("clip").emitted))
    last = marks[-1][1]
    begin, first = next(mark for mark in marks if mark[1] >= 0.1 * last)
    end, done = next(mark for mark in marks if mark[1] == last)
    return (done - first) / (end - begin)


def check(name: str, material: Material, expected: Sequence[Candidates]) -> Iterator[Result]:
    """Yield all results of one engine on the GPU."""
    model = material.models[name]
    own: dict[str, object] = {"torch": {"precision": "fp16"}, "tensorrt": {}}
    options = {"device": "cuda"} | cast("dict[str, object]", own[name])
    began_at = monotonic()
    try:
        engine = make_engine(name, model, **options)
    except FramelaneError as error:
        yield Result(f"{name}: opens", f"refused: {error}")
        return
    with closing(engine):
        yield Result(f"{name}: opens", f"in {monotonic() - began_at:.1f} s")
        images = read_images(material.clip, SIZE, IMAGES)
        yield agreement(name, engine, expected, images)
        yield from overlap(name, engine, material.folder)
        yield from speeds(name, engine, material)
        confidence = float(expected[0].scores[0].max(axis=1)[CANDIDATES])
        yield whole(name, model, engine, material.clip, confidence, material.folder)
        yield from video(name, model, engine, confidence, material.folder)


def reference(material: Material) -> list[Candidates]:
    """Return the candidates of the CPU in the clip, in float32."""
    engine = make_engine("torch", material.models["torch"], device="cpu", precision="fp32")
    with closing(engine):
        return found_one_by_one(engine, read_images(material.clip, SIZE, IMAGES))


@click.command()
def main() -> None:
    """Check and measure engines and trainer on the first NVIDIA GPU; print a table."""
    gpus = find_gpus()
    if not gpus:
        raise click.ClickException(
            "this measures an NVIDIA GPU, and there is none here, or no driver for it: see what "
            "`python -m detector doctor` finds"
        )
    as_wanted = True
    for result in measured(gpus[0]):
        click.echo(result)
        as_wanted &= result.holds is not False
    sys.exit(not as_wanted)


def measured(gpu: Gpu) -> Iterator[Result]:
    """Yield the lines of the table, each as soon as it is measured."""
    yield Result("GPU", _described(gpu))
    material = make_material(Path(ROOT, "build", "gpu"))
    expected = reference(material)
    yield from decoding(find_large_clip(material.folder))
    for name in ("torch", "tensorrt"):
        yield from check(name, material, expected)
    yield from training(material.clip)


def _described(gpu: Gpu) -> str:
    return f"{gpu.name}, compute capability {gpu.capability_name}"


if __name__ == "__main__":
    main()
