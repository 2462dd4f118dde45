"""The speed of the trainer on a GPU, with and without loading data."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import cv2
import numpy as np
import torch
from rich.console import Console

from benchmarks.result import Result
from trainer.augment.augmenter import Augmenter, AugmentOptions
from trainer.console import Display
from trainer.data.prefetch import Batch
from trainer.optim.device import choose_device
from trainer.optim.distributed import ProcessGroup
from trainer.optim.optimizer import Stepper, make_optimiser
from trainer.optim.sequential_gradients import SequentialGradients
from trainer.recipe import Recipe
from trainer.report.results_log import RESULTS, read_results
from trainer.setup import make_loss, make_network
from trainer.train import train

SIZE, BATCH = (640, 640), 32
FRAMES, REPEAT = 200, 10  # of a clip: an epoch of 2000 images
EPOCHS = 2  # the last one is measured
STEPS = 60  # after ten warm-up steps
OBJECTS = 4  # per image
NO_DATA = Augmenter([], SIZE, AugmentOptions(), 0, [])


def recipe(clip: Path, *, amp: bool) -> Recipe:
    """Return a recipe for training on the first frames of a labelled clip."""
    part = {"clip": clip, "frames": (1, FRAMES)}
    return Recipe.model_validate(
        {
            "size": SIZE,
            "data": {
                "classes": ["person", "bicycle", "car"],
                "train": [part | {"repeat": REPEAT}],
                "val": [part | {"frames": (1, 2)}],
            },
            "epochs": EPOCHS,
            "validate_every": EPOCHS,
            "batch": BATCH,
            "nominal_batch": BATCH,
            "device": "cuda",
            "amp": amp,
        }
    )


def trained(given: Recipe) -> float:
    """Return the images per second of the whole trainer."""
    with tempfile.TemporaryDirectory() as folder:
        cv2.setNumThreads(1)  # as the command does
        train(given, Path(folder), Display(Console(file=io.StringIO()), epochs=EPOCHS))
        rate = read_results(Path(folder) / RESULTS)[-1]["images_per_second"]
    assert rate is not None
    return rate


def stepped(given: Recipe) -> float:
    """Return the images per second of its steps alone, on one repeated batch."""
    place = choose_device(given)
    network = make_network(given, NO_DATA, print).to(place.torch_device)
    loss_of = make_loss(network, given)
    optimiser = make_optimiser(network, given.optimiser, 1.0)
    stepper = Stepper(optimiser, place.make_scaler(), given.optimiser.clip)
    gradients = SequentialGradients(network, loss_of, place, stepper.scaler, ProcessGroup())
    batch = _batch()
    for step in range(STEPS + 10):
        if step == 10:
            began_at = _now()
        gradients.add([batch])
        stepper.step()
    return STEPS * BATCH / (_now() - began_at)


def _now() -> float:
    torch.cuda.synchronize()
    return monotonic()


def _batch() -> Batch:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (BATCH, *SIZE, 3), np.uint8)
    count = BATCH * OBJECTS
    columns = [
        np.repeat(np.arange(BATCH), OBJECTS),
        rng.integers(0, 3, count),
        rng.uniform(0.1, 0.9, (count, 2)),
        rng.uniform(0.05, 0.25, (count, 2)),
    ]
    return images, np.column_stack(columns).astype(np.float32)


def training(clip: Path) -> Iterator[Result]:
    """Yield the speed of the trainer in bfloat16 and in float32."""
    for name, amp in (("bfloat16", True), ("float32", False)):
        tested = recipe(clip, amp=amp)
        alone, whole = stepped(tested), trained(tested)
        yield Result(
            f"trainer: {tested.network} {SIZE[0]}, batch {BATCH}, {name}",
            f"{whole:.0f} images/s; its steps alone {alone:.0f}: {whole / alone:.2f}",
        )
