"""A training recipe: one YAML file, read strictly. Imports no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from detector.errors import UsageError, did_you_mean
from detector.renamed import with_new_names
from detector.resources import configs
from detector.settings import explain, read_yaml
from detector.yolov7.description import read_description
from trainer.augment.augmenter import RENAMED_OPTIONS, AugmentOptions
from trainer.data.data_errors import Policy
from trainer.data.datasets import DataSpec
from trainer.data.image_cache import Cache

RECIPES = configs("recipes")
HYPERPARAMETERS = configs("hyperparameters")

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Side = Annotated[int, Field(gt=0, multiple_of=32)]


class Section(BaseModel):
    """A section of a recipe: unknown keys are refused, values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(Section):
    """The data for training and for validation."""

    classes: tuple[str, ...] = Field(min_length=1)
    train: tuple[DataSpec, ...] = Field(min_length=1)
    val: tuple[DataSpec, ...] = Field(min_length=1)
    cache: Cache = Field(
        default="ram", description="where scaled images are cached: ram, disk, none"
    )
    mistakes: Policy = Field(
        default="refuse", description="faulty data: refuse to train, or mend (leave it out)"
    )

    @field_validator("classes")
    @classmethod
    def _each_class_once(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        twice = [name for name in dict.fromkeys(classes) if classes.count(name) > 1]
        if twice:
            raise ValueError(f"the class '{twice[0]}' occurs twice: give each class once")
        return classes


class OptimiserConfig(Section):
    """SGD with Nesterov momentum, or AdamW; warm-up, then a falling learning rate."""

    algorithm: Literal["sgd", "adamw"] = "sgd"
    lr: Positive = Field(default=0.01, description="learning rate; default for adamw: 0.001")
    final_lr: Fraction = Field(
        default=0.01, description="learning rate at the end, as a fraction of lr"
    )
    schedule: Literal["cosine", "linear"] = "cosine"
    momentum: Fraction = Field(default=0.937, description="for adamw: the first beta")
    weight_decay: float = Field(
        default=5e-4, ge=0, description="for a step of nominal_batch images"
    )
    warmup_epochs: float = Field(default=3.0, ge=0)
    warmup_momentum: Fraction = 0.8
    warmup_bias_lr: float = Field(default=0.1, ge=0, description="default for adamw: 0")
    clip: Positive | None = Field(default=None, description="maximum norm of the gradient")

    @model_validator(mode="before")
    @classmethod
    def _adamw_defaults(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("algorithm") == "adamw":
            return {"lr": 0.001, "warmup_bias_lr": 0.0} | values
        return values


class AverageConfig(Section):
    """The exponential moving average of the weights, which is evaluated and exported."""

    decay: Fraction = 0.9999
    ramp: Positive = Field(
        default=2000.0, description="time constant of the rising decay, in optimiser steps"
    )


class LossConfig(Section):
    """Gains of the loss terms, as published for 3 heads, 80 classes and 640 x 640 pixels."""

    box: float = Field(default=0.05, ge=0)
    objectness: float = Field(default=1.0, ge=0)
    classification: float = Field(default=0.5, ge=0)
    anchor_ratio: float = Field(default=4.0, gt=1)
    assignment: Literal["ota", "anchors"] = "ota"
    auxiliary: Literal["coarse_to_fine", "lead_guided", "independent", "none"] = Field(
        default="coarse_to_fine",
        description="targets of the auxiliary heads, if the network has them",
    )
    constraint: bool = Field(
        default=True, description="limit the objectness that auxiliary heads can reach"
    )
    label_smoothing: Fraction = 0.0


class Recipe(Section):
    """The full description of a training: same recipe, same machine, same weights."""

    hyperparameters: str | None = Field(
        default=None,
        description="defaults for this recipe: the name or path of a YAML file, or 'published'",
    )
    network: str = "yolov7-tiny"
    width: Positive = 1.0
    weights: Path | None = Field(
        default=None,
        description="weights of the same network to start from: .safetensors, an official .pt, an "
        ".onnx that was exported from either, or the name of a bundled model",
    )
    freeze: int = Field(default=0, ge=0, description="number of first rows that are not trained")
    anchors: Literal["described", "fitted"] = Field(
        default="described", description="fitted: fit them to the boxes of the training data"
    )
    size: tuple[Side, Side] = Field(description="height and width of the input, pixels")
    data: DataConfig
    epochs: int = Field(ge=1)
    batch: int = Field(default=16, ge=1)
    nominal_batch: int = Field(default=64, ge=1, description="images per optimiser step")
    multi_scale: float = Field(
        default=0.0, ge=0, lt=1, description="random change of each batch's size, +- fraction"
    )
    optimiser: OptimiserConfig = OptimiserConfig()
    average: AverageConfig = AverageConfig()
    loss: LossConfig = LossConfig()
    augment: AugmentOptions = AugmentOptions()
    seed: int = Field(default=0, ge=0)
    workers: int | None = Field(
        default=None, ge=0, description="threads (processes for a GPU) that prepare images"
    )
    device: Literal["auto", "cpu", "cuda"] = "auto"
    amp: bool | Literal["bf16", "fp16"] = Field(
        default=True,
        description="mixed precision where it is faster: bf16, or fp16 on older GPUs",
    )
    sync_batchnorm: bool = Field(
        default=False, description="batch normalisation over the batches of all GPUs"
    )
    nms_iou: Fraction = Field(
        default=0.45, description="IoU above which the exported model suppresses a box"
    )
    validate_every: int = Field(default=1, ge=1, description="epochs between evaluations")
    checkpoint_minutes: Positive = 5.0

    def accumulate(self, processes: int = 1) -> int:
        """Return the number of batches per optimiser step in each process."""
        return max(1, round(self.nominal_batch / (self.batch * processes)))

    @property
    def fingerprint(self) -> str:
        """JSON of all values that affect the weights."""
        return self.model_dump_json(
            exclude={
                "workers": True,
                "checkpoint_minutes": True,
                "nms_iou": True,
                "device": True,
                "data": {"cache"},
            }
        )


def load_recipe(recipe: Path, *, epochs: int | None = None) -> Recipe:
    """Read and validate a recipe; `epochs` replaces its own number.

    recipe: a file, or the name of a shipped recipe
    The recipe's values override those of the file that its `hyperparameters` names, and so on.
    Raises UsageError with the file, the key, the given and the accepted value.
    """
    path = _find_recipe(recipe)
    values = _read(path)
    if epochs is not None:
        values["epochs"] = epochs
    merged = _over_base(values, path, ())
    try:
        return Recipe.model_validate(merged)
    except ValidationError as error:
        complaint = explain(error, Recipe, lambda keys: f"{path}: {'.'.join(keys)}")
        raise UsageError(complaint) from error


def _find_recipe(recipe: Path) -> Path:
    """Return the recipe's file: `recipe` itself, or the shipped one of that name."""
    if recipe.is_file() or recipe.name != str(recipe):
        return recipe
    shipped = _named(RECIPES)
    if recipe.stem not in shipped or recipe.suffix not in ("", ".yaml"):
        raise UsageError(
            f"{recipe}: no such file, and no shipped recipe has this name"
            f"{did_you_mean(recipe.stem, shipped)}, or the path of a file"
        )
    return shipped[recipe.stem]


def _named(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in folder.glob("*.yaml")}


def _read(path: Path) -> dict[str, Any]:
    """Return the values in a file, under their current names."""
    values = read_yaml(path)
    if isinstance(values.get("augment"), dict):
        values["augment"] = with_new_names(values["augment"], RENAMED_OPTIONS, f"{path}: augment")
    return values


def _over_base(values: dict[str, Any], path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    """Return the `values` of `path`, merged over the file that its `hyperparameters` names.

    above: the files that were merged so far
    """
    if values.get("hyperparameters") is None:
        return values
    base, above = _hyperparameters(values, path), (*above, path.resolve())
    if base.resolve() in above:
        raise UsageError(
            f"{path}: hyperparameters: '{base}' given, which itself builds on this file: "
            "give another"
        )
    return _merged(_over_base(_read(base), base, above), values)


def _hyperparameters(values: dict[str, Any], recipe: Path) -> Path:
    """Return the file that `hyperparameters` names: a shipped one by its name, or any by path."""
    name = str(values["hyperparameters"])
    if name == "published":
        name = _published(str(values.get("network", "yolov7-tiny")))
    shipped = _named(RECIPES) | _named(HYPERPARAMETERS)
    if name not in shipped and not Path(name).is_file():
        hint = did_you_mean(name, [*shipped, "published"])
        raise UsageError(f"{recipe}: hyperparameters: '{name}' given{hint}, or the path of a file")
    return shipped.get(name, Path(name))


def _published(network: str) -> str:
    """Return the name of the hyperparameters that the paper trained a network with."""
    if "tiny" in network:
        return "tiny"
    return "p6" if len(read_description(network).strides) == 4 else "p5"


def _merged(base: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Return `values` with missing keys taken from `base`, section by section."""
    merged = dict(base)
    for key, value in values.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _merged(base[key], value) if both else value
    return merged
