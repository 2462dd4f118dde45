"""The checkpoint of a training: one file, written atomically, from which it resumes exactly."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from detector.atomic_write import replacing
from detector.errors import FramelaneError, UsageError
from detector.yolov7.network import Network
from trainer.optim.optimizer import MovingAverage, Stepper
from trainer.recipe import Recipe

Row = dict[str, float | None]  # results of an epoch, by column


@dataclass(slots=True)
class TrainingPosition:
    """The position in a training.

    Images and their order follow from seed, epoch and position, and nothing else draws random
    numbers, so the state of random generators is not saved.

    epoch: current epoch, from 0; batch: number of finished batches in it
    sums: sums of the loss terms over those batches
    best: highest average precision so far; history: results of the finished epochs
    """

    epoch: int = 0
    batch: int = 0
    sums: list[float] = field(default_factory=list)
    best: float = -1.0
    history: list[Row] = field(default_factory=list)

    @property
    def means(self) -> list[float]:
        """The means of the loss terms over the epoch so far."""
        return [total / self.batch for total in self.sums]

    def add(self, parts: Sequence[float]) -> None:
        """Count one batch. Raises FramelaneError if its loss is not finite."""
        if not all(map(math.isfinite, parts)):
            raise FramelaneError(
                f"the loss is not finite in epoch {self.epoch + 1}, batch {self.batch + 1}: "
                "give a smaller optimiser.lr or a longer optimiser.warmup_epochs"
            )
        self.sums = [
            total + part for total, part in zip(self.sums or [0.0] * len(parts), parts, strict=True)
        ]
        self.batch += 1

    def end_epoch(self, row: Row) -> None:
        """Record the results of this epoch, and begin the next."""
        self.history.append(row)
        self.epoch, self.batch, self.sums = self.epoch + 1, 0, []


@dataclass(frozen=True, slots=True)
class Learner:
    """The state that training changes: network, moving average and optimiser."""

    network: Network
    average: MovingAverage
    stepper: Stepper

    def tensors(self) -> dict[str, Tensor]:
        """Return all tensors to save, by unique names."""
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        for name, value in self.average.network.state_dict().items():
            tensors[f"average.{name}"] = value
        for number, state in self.stepper.optimiser.state_dict()["state"].items():
            for name, value in state.items():
                tensors[f"optimiser.{number}.{name}"] = value
        return tensors

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Restore the tensors that `tensors` returned."""
        self.network.load_state_dict(_under("network", tensors))
        self.average.network.load_state_dict(_under("average", tensors))
        parameters = [p for group in self.stepper.optimiser.param_groups for p in group["params"]]
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in _under("optimiser", tensors).items():
            number, _, key = name.partition(".")
            parameter = parameters[int(number)]
            if value.shape == parameter.shape:
                # the fused step requires the memory format of the parameter
                value = torch.empty_like(parameter).copy_(value)  # noqa: PLW2901
            state.setdefault(int(number), {})[key] = value
        groups = self.stepper.optimiser.state_dict()["param_groups"]
        self.stepper.optimiser.load_state_dict({"state": state, "param_groups": groups})


def save_state(
    path: Path, learner: Learner, progress: TrainingPosition, recipe: Recipe, processes: int
) -> None:
    """Write all that a training needs to resume, and what must not change until then."""
    tensors = {name: value.contiguous() for name, value in learner.tensors().items()}
    described = {
        "progress": asdict(progress),
        "updates": learner.average.updates,
        "scaler": learner.stepper.scaler.state_dict(),
        "processes": processes,
        "recipe": recipe.fingerprint,
    }
    with replacing(path) as written:
        save_file(tensors, written, metadata={"training": json.dumps(described)})


def load_state(path: Path, learner: Learner, recipe: Recipe, processes: int) -> TrainingPosition:
    """Restore `learner` from a file, and return the position in the training.

    Raises UsageError if the file is damaged, or if it was written with another recipe or by another
    number of processes, because that changes the order of batches.
    """
    try:
        with safe_open(path, framework="pt") as file:
            described = json.loads(file.metadata()["training"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{path}: not a checkpoint of a training, or damaged: {error}") from error
    differing = _difference(json.loads(described["recipe"]), recipe)
    if differing:
        raise UsageError(
            f"{path}: was trained with another recipe ({', '.join(differing)} differ): "
            "give that recipe, or another --output"
        )
    if described.get("processes", 1) != processes:
        raise UsageError(
            f"{path}: was trained by {described.get('processes', 1)} processes, not {processes}: "
            "start the same number with torchrun, or give another --output"
        )
    learner.restore(tensors)
    learner.stepper.scaler.load_state_dict(described.get("scaler", {}))
    learner.average.updates = described["updates"]
    return TrainingPosition(**described["progress"])


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.partition(".")[2]: value
        for name, value in tensors.items()
        if name.startswith(f"{prefix}.")
    }


def _difference(before: dict[str, Any], recipe: Recipe) -> list[str]:
    """Return the top-level keys in which `recipe` differs from that of the training so far.

    A key that is newer than the training counts as its default.
    """
    with suppress(ValidationError):  # a key that no longer exists
        before = json.loads(Recipe.model_validate(before).fingerprint)
    now = json.loads(recipe.fingerprint)
    return [key for key in sorted(before | now) if before.get(key) != now.get(key)]
