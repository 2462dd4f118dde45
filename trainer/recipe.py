"""What a training is made of: one YAML file, read strictly. Imports no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from detector.errors import UsageError, did_you_mean
from detector.resources import configs
from detector.settings import explain, read_yaml
from detector.yolov7.description import read_description
from trainer.augment.augmenter import AugmentOptions
from trainer.data.data_errors import Policy
from trainer.data.datasets import DataSpec
from trainer.data.image_cache import Cache

HYPERPARAMETERS = configs("hyperparameters")

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
    cache: Cache = Field(default="ram", description="where the pictures are kept: ram, disk, none")
    mistakes: Policy = Field(
        default="refuse", description="what is wrong in the data: refuse it, or mend (leave it out)"
    )


class OptimiserConfig(Section):
    """SGD with Nesterov momentum, or AdamW: a warm-up, then down to a part of the first rate."""

    algorithm: Literal["sgd", "adamw"] = "sgd"
    lr: Positive = Field(default=0.01, description="adamw: 0.001")
    final_lr: Part = Field(default=0.01, description="at the end, as a part of lr")
    schedule: Literal["cosine", "linear"] = "cosine"
    momentum: Part = Field(default=0.937, description="of adamw: the first of its two")
    weight_decay: float = Field(default=5e-4, ge=0, description="for the nominal batch")
    warmup_epochs: float = Field(default=3.0, ge=0)
    warmup_momentum: Part = 0.8
    warmup_bias_lr: float = Field(default=0.1, ge=0, description="adamw: 0")
    clip: Positive | None = Field(default=None, description="largest norm of a step's gradient")

    @model_validator(mode="before")
    @classmethod
    def _suit_algorithm(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("algorithm") == "adamw":
            return {"lr": 0.001, "warmup_bias_lr": 0.0} | given
        return given


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

    hyperparameters: str | None = Field(
        default=None, description="a file of values to go under the recipe's own, or 'published'"
    )
    network: str = "yolov7-tiny"
    width: Positive = 1.0
    weights: Path | None = Field(default=None, description="of the same network, to start from")
    freeze: int = Field(default=0, ge=0, description="first rows that stay as they are")
    anchors: Literal["described", "fitted"] = Field(
        default="described", description="fitted: to the boxes of the training data"
    )
    size: tuple[Side, Side] = Field(description="height and width of the input, pixels")
    data: DataConfig
    epochs: int = Field(ge=1)
    batch: int = Field(default=16, ge=1)
    nominal_batch: int = Field(default=64, ge=1, description="pictures per optimiser step")
    multi_scale: float = Field(
        default=0.0, ge=0, lt=1, description="size of each batch, +- fraction"
    )
    optimiser: OptimiserConfig = OptimiserConfig()
    average: AverageConfig = AverageConfig()
    loss: LossConfig = LossConfig()
    augment: AugmentOptions = AugmentOptions()
    seed: int = Field(default=0, ge=0)
    workers: int | None = Field(
        default=None, ge=0, description="threads that prepare pictures, processes for a GPU"
    )
    device: Literal["auto", "cpu", "cuda"] = "auto"
    amp: bool | Literal["bf16", "fp16"] = Field(
        default=True,
        description="a shorter type where it is safe and faster: bf16, or fp16 on older GPUs",
    )
    sync_batchnorm: bool = Field(
        default=False, description="statistics over the batches of all GPUs"
    )
    nms_iou: Part = Field(
        default=0.45, description="overlap above which the product takes two boxes for one object"
    )
    validate_every: int = Field(default=1, ge=1, description="epochs between evaluations")
    checkpoint_minutes: Positive = 5.0

    def accumulate(self, processes: int = 1) -> int:
        """Return the number of batches per step of the optimiser, in each of the processes."""
        return max(1, round(self.nominal_batch / (self.batch * processes)))

    @property
    def fingerprint(self) -> str:
        """JSON of all that decides the weights."""
        return self.model_dump_json(
            exclude={
                "workers": True,
                "checkpoint_minutes": True,
                "nms_iou": True,
                "device": True,
                "data": {"cache"},
            }
        )


def load_recipe(path: Path, *, epochs: int | None = None) -> Recipe:
    """Read and validate the recipe at `path`, with `epochs` in place of its own where given.

    What `hyperparameters` names is laid under it: the recipe's own values go over those. What that
    file names in turn lies under both.
    Raises UsageError: the file, the key, what was given, what is accepted.
    """
    given = read_yaml(path)
    if epochs is not None:
        given["epochs"] = epochs
    whole = _laid(given, path, ())
    try:
        return Recipe.model_validate(whole)
    except ValidationError as error:
        complaint = explain(error, Recipe, lambda keys: f"{path}: {'.'.join(keys)}")
        raise UsageError(complaint) from error


def _laid(given: dict[str, Any], path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    """Return what was `given` at `path`, over all that lies under it."""
    if given.get("hyperparameters") is None:
        return given
    under, above = _hyperparameters(given, path), (*above, path.resolve())
    if under.resolve() in above:
        raise UsageError(
            f"{path}: hyperparameters: '{under}' given, which lies over this file; give another"
        )
    return _over(_laid(read_yaml(under), under, above), given)


def _hyperparameters(given: dict[str, Any], recipe: Path) -> Path:
    """Return the file that `hyperparameters` names: one of ours by its name, or by its path."""
    name = str(given["hyperparameters"])
    if name == "published":
        name = _published(str(given.get("network", "yolov7-tiny")))
    ours = {path.stem: path for path in HYPERPARAMETERS.glob("*.yaml")}
    if name not in ours and not Path(name).is_file():
        raise UsageError(
            f"{recipe}: hyperparameters: '{name}' given{did_you_mean(name, [*ours, 'published'])}, "
            "or the path of a file"
        )
    return ours.get(name, Path(name))


def _published(network: str) -> str:
    """Name the file of what the paper trained a network with."""
    if "tiny" in network:
        return "tiny"
    return "p6" if len(read_description(network).strides) == 4 else "p5"


def _over(under: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return `given`, with what it does not say taken from `under`, section by section."""
    laid = dict(under)
    for key, value in given.items():
        both = isinstance(value, dict) and isinstance(under.get(key), dict)
        laid[key] = _over(under[key], value) if both else value
    return laid
