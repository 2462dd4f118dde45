"""What a training is made of: one YAML file, read strictly. Imports no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from detector.errors import UsageError
from detector.settings import explain, read_yaml
from trainer.augment import AugmentOptions
from trainer.data import DataSpec

Part = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Side = Annotated[int, Field(gt=0, multiple_of=32)]


class Section(BaseModel):
    """A part of a recipe: unknown keys are refused, nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(Section):
    """What is learned from, and what it is judged by."""

    classes: tuple[str, ...] = Field(min_length=1)
    train: tuple[DataSpec, ...] = Field(min_length=1)
    val: tuple[DataSpec, ...] = Field(min_length=1)


class OptimiserConfig(Section):
    """SGD with Nesterov momentum, a warm-up, then a cosine down to a part of the first rate."""

    lr: Positive = 0.01
    final_lr: Part = Field(default=0.01, description="at the end, as a part of lr")
    momentum: Part = 0.937
    weight_decay: float = Field(default=5e-4, ge=0, description="for the nominal batch")
    warmup_epochs: float = Field(default=3.0, ge=0)
    warmup_momentum: Part = 0.8
    warmup_bias_lr: float = Field(default=0.1, ge=0)


class AverageConfig(Section):
    """The exponential moving average of the weights: it is what is judged and exported."""

    decay: Part = 0.9999
    ramp: Positive = Field(default=2000.0, description="optimiser steps until it is slow")


class LossConfig(Section):
    """The weights of the loss's parts, as published: for 3 heads, 80 classes and 640 x 640."""

    box: float = Field(default=0.05, ge=0)
    objectness: float = Field(default=1.0, ge=0)
    classification: float = Field(default=0.5, ge=0)
    anchor_ratio: float = Field(default=4.0, gt=1)
    assignment: Literal["ota", "anchors"] = "ota"
    auxiliary: Literal["coarse_to_fine", "lead_guided", "independent", "none"] = Field(
        default="coarse_to_fine", description="what auxiliary heads learn, where there are any"
    )
    constraint: bool = Field(default=True, description="of how sure an auxiliary head can be")
    label_smoothing: Part = 0.0


class Recipe(Section):
    """A training, fully described: same recipe, same machine, same weights."""

    network: str = "yolov7-tiny"
    width: Positive = 1.0
    weights: Path | None = Field(default=None, description="of the same network, to start from")
    size: tuple[Side, Side] = Field(description="height and width of the input, pixels")
    data: DataConfig
    epochs: int = Field(ge=1)
    batch: int = Field(default=16, ge=1)
    nominal_batch: int = Field(default=64, ge=1, description="pictures per optimiser step")
    optimiser: OptimiserConfig = OptimiserConfig()
    average: AverageConfig = AverageConfig()
    loss: LossConfig = LossConfig()
    augment: AugmentOptions = AugmentOptions()
    seed: int = Field(default=0, ge=0)
    workers: int = Field(default=1, ge=0, description="threads that prepare pictures")
    amp: bool = Field(default=True, description="bfloat16 where it is safe")
    validate_every: int = Field(default=1, ge=1, description="epochs between evaluations")
    checkpoint_minutes: Positive = 5.0

    @property
    def accumulate(self) -> int:
        """Batches per optimiser step."""
        return max(1, round(self.nominal_batch / self.batch))

    @property
    def fingerprint(self) -> str:
        """JSON of all that decides the weights."""
        return self.model_dump_json(exclude={"workers", "checkpoint_minutes"})


def load_recipe(path: Path, *, epochs: int | None = None) -> Recipe:
    """Read and validate the recipe at `path`, with `epochs` in place of its own where given.

    Raises UsageError: the file, the key, what was given, what is accepted.
    """
    given = read_yaml(path)
    if epochs is not None:
        given["epochs"] = epochs
    try:
        return Recipe.model_validate(given)
    except ValidationError as error:
        complaint = explain(error, Recipe, lambda keys: f"{path}: {'.'.join(keys)}")
        raise UsageError(complaint) from error
