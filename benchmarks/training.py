"""python -m benchmarks.training: the trainer against a plain loop over the same network.

The plain loop loads no data: it repeats one batch, forward, backward, SGD, channels last, in
bfloat16 if the CPU supports it, all cores on each operation. Another loop computes as the original
implementation does on a CPU: channels first, in float32. The machine may be shared, so all are
measured in every round, each in its own process, and ratios are formed within a round.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from statistics import median
from time import monotonic

import click
import cv2
import numpy as np
import torch
from rich.console import Console

from benchmarks.machine import cores
from detector.yolov7.network import Network, build_network
from tests.support.paths import ROOT, data_folder
from trainer.console import Display
from trainer.loss.detection_loss import DetectionLoss
from trainer.optim.device import choose_device
from trainer.optim.parallel_gradients import as_input
from trainer.recipe import Recipe
from trainer.report.results_log import RESULTS, read_results
from trainer.setup import make_loss
from trainer.train import train

SIZE, BATCH = (320, 320), 16
OBJECTS = 13  # per image, as in BCCD
STEPS = 12  # of a plain loop, after two warm-up steps


def recipe(batch: int) -> Recipe:
    """Return a recipe for training on BCCD with 16 images per step."""
    data = data_folder() / "bccd" / "data.yaml"
    return Recipe.model_validate(
        {
            "size": SIZE,
            "data": {
                "classes": ["RBC", "WBC", "Platelets"],
                "train": [{"yolo": data}],
                "val": [{"yolo": data, "split": "val"}],
            },
            "epochs": 2,
            "validate_every": 2,
            "batch": batch,
            "nominal_batch": BATCH,
        }
    )


def plain() -> float:
    """Return the images per second of a plain loop."""
    return _looped(torch.channels_last, choose_device(recipe(BATCH)).autocast)


def original() -> float:
    """Return the images per second of a loop that computes like the original implementation."""
    return _looped(torch.contiguous_format, nullcontext)


def _looped(
    layout: torch.memory_format, autocast: Callable[[], AbstractContextManager[object]]
) -> float:
    network, loss_of = _network(layout)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.001, momentum=0.9, nesterov=True)
    images, targets = _batch()
    began = monotonic()
    for step in range(STEPS + 2):
        if step == 2:
            began = monotonic()
        with autocast():
            heads = network(as_input(images).contiguous(memory_format=layout))
        loss_of(heads, targets)[0].backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        optimiser.zero_grad()
    return STEPS * BATCH / (monotonic() - began)


def trained(batch: int) -> float:
    """Return the images per second of the whole trainer in the second epoch."""
    with tempfile.TemporaryDirectory() as folder:
        cv2.setNumThreads(1)  # as the command does
        train(recipe(batch), Path(folder), Display(Console(file=io.StringIO()), epochs=2))
        rate = read_results(Path(folder) / RESULTS)[-1]["images_per_second"]
    assert rate is not None
    return rate


def assignment() -> float:
    """Return the share of a step of 16 images that the assignment takes."""
    network, loss_of = _network(torch.channels_last)
    images, targets = _batch()
    place = choose_device(recipe(BATCH))
    spent, began = 0.0, monotonic()
    for _ in range(STEPS):
        with place.autocast():
            heads = [head.float() for head in network(as_input(images))]
        started = monotonic()
        loss_of.assign(heads, targets)
        spent += monotonic() - started
        loss_of(heads, targets)[0].backward()  # type: ignore[no-untyped-call]
    return spent / (monotonic() - began - spent)


def _network(layout: torch.memory_format) -> tuple[Network, DetectionLoss]:
    torch.manual_seed(0)
    network = build_network("yolov7-tiny", classes=3)
    network.to(memory_format=layout)  # type: ignore[call-overload]
    return network, make_loss(network, recipe(BATCH))


def _batch() -> tuple[np.ndarray, torch.Tensor]:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (BATCH, *SIZE, 3), np.uint8)
    count = BATCH * OBJECTS
    targets = np.column_stack(
        [
            np.repeat(np.arange(BATCH), OBJECTS),
            rng.integers(0, 3, count),
            rng.uniform(0.1, 0.9, (count, 2)),
            rng.uniform(0.05, 0.25, (count, 2)),
        ]
    )
    return images, torch.from_numpy(targets.astype(np.float32))


MEASURED: dict[str, Callable[[], float]] = {
    "plain": plain,
    "as the original": original,
    "two batches of 8": lambda: trained(BATCH // 2),
    "one batch of 16": lambda: trained(BATCH),
    "assignment": assignment,
}


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option(
    "--only", type=click.Choice(list(MEASURED)), help="Measure this once and print a number."
)
def main(rounds: int, only: str | None) -> None:
    """Measure the trainer against a plain loop; print a table."""
    if only:
        click.echo(json.dumps(MEASURED[only]()))
        return
    click.echo(f"YOLOv7-tiny, {SIZE[0]} x {SIZE[1]}, 16 images per step, {cores()} cores\n")
    measured = [{name: _measured(name) for name in MEASURED} for _ in range(rounds)]
    for name in [name for name in MEASURED if name != "assignment"]:
        speed = median(each[name] for each in measured)
        ratios = sorted(each[name] / each["plain"] for each in measured)
        more = median(each[name] / each["as the original"] for each in measured)
        click.echo(
            f"{name:<18}{speed:>7.1f} images/s   {median(ratios):.2f} of the plain loop "
            f"({ratios[0]:.2f} to {ratios[-1]:.2f})   {more:.2f} of a loop as the original's"
        )
    shares = sorted(each["assignment"] for each in measured)
    click.echo(f"assignment (OTA): {median(shares):.3f} of a step")


def _measured(name: str) -> float:
    line = [sys.executable, "-m", "benchmarks.training", "--only", name]
    done = subprocess.run(line, check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    return float(json.loads(done.stdout))


if __name__ == "__main__":
    main()
