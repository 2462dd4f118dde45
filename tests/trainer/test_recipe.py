"""A recipe is read strictly: what is wrong is named, and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.errors import UsageError
from tests.support.paths import ROOT
from trainer.recipe import Recipe, load_recipe

GOOD = """
size: [256, 448]
epochs: 3
data:
  classes: [car]
  train: [{clip: a.mp4, frames: [1, 20]}]
  val: [{yolo: data.yaml, split: val}]
"""


def read(tmp_path: Path, text: str) -> str:
    """Return what is said of a recipe."""
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_recipe(path)
    return str(caught.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("wrong", "right", "message"),
    [
        ("epochs", "epoch", "epoch: unknown key; did you mean 'epochs'?"),
        ("epochs: 3", "epochs: many", "epochs: 'many' given: input should be a valid integer"),
        ("epochs: 3", "", "epochs: missing"),
        ("256", "250", "size.0: 250 given: input should be a multiple of 32"),
        ("frames", "frams", "data.train.0.clip.frams: unknown key; did you mean 'frames'?"),
        ("clip", "film", "data.train.0: "),
        ("epochs: 3", "epochs: 3\nloss: {bx: 1}", "loss.bx: unknown key; did you mean 'box'?"),
        ("epochs: 3", "epochs: 3\noptimiser: {lr: 0}", "optimiser.lr: 0 given: input should be"),
    ],
)
def test_a_mistake_is_answered_with_the_key_and_what_is_accepted(
    tmp_path: Path, wrong: str, right: str, message: str
) -> None:
    assert read(tmp_path, GOOD.replace(wrong, right)).startswith(message)


def test_epochs_can_be_given_from_outside(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(GOOD)
    assert load_recipe(path, epochs=7).epochs == 7


def test_what_does_not_change_the_weights_does_not_change_the_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(GOOD)
    recipe = load_recipe(path)
    assert recipe.model_copy(update={"workers": 5}).fingerprint == recipe.fingerprint
    assert recipe.model_copy(update={"seed": 5}).fingerprint != recipe.fingerprint


def loaded(tmp_path: Path, more: str) -> Recipe:
    path = tmp_path / "recipe.yaml"
    path.write_text(GOOD + more)
    return load_recipe(path)


@pytest.mark.parametrize(
    ("network", "final_lr", "objectness", "classification", "translate", "scale", "mixup"),
    [
        ("yolov7-tiny", 0.01, 1.0, 0.5, 0.1, 0.5, 0.05),
        ("yolov7-tiny-silu", 0.01, 1.0, 0.5, 0.1, 0.5, 0.05),
        ("yolov7", 0.1, 0.7, 0.3, 0.2, 0.9, 0.15),
        ("yolov7x", 0.1, 0.7, 0.3, 0.2, 0.9, 0.15),
        ("yolov7-w6", 0.2, 0.7, 0.3, 0.2, 0.9, 0.15),
        ("yolov7-e6e", 0.2, 0.7, 0.3, 0.2, 0.9, 0.15),
    ],
)
def test_published_hyperparameters_are_those_of_the_network(
    tmp_path: Path,
    network: str,
    final_lr: float,
    objectness: float,
    classification: float,
    translate: float,
    scale: float,
    mixup: float,
) -> None:
    recipe = loaded(tmp_path, f"hyperparameters: published\nnetwork: {network}")
    assert recipe.optimiser.final_lr == final_lr
    assert (recipe.loss.objectness, recipe.loss.classification) == (objectness, classification)
    augment = recipe.augment
    assert (augment.translate, augment.scale, augment.mixup) == (translate, scale, mixup)
    assert augment.paste_in == mixup and augment.nine == 0.2
    given = (recipe.optimiser.lr, recipe.optimiser.momentum, recipe.optimiser.weight_decay)
    assert given == (0.01, 0.937, 5e-4) and recipe.nominal_batch == 64


def test_a_recipe_goes_over_its_hyperparameters(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("epochs: 9\nloss: {box: 2}\nseed: 8\n")
    more = f"hyperparameters: {tmp_path / 'mine.yaml'}\nloss: {{objectness: 3}}"
    recipe = loaded(tmp_path, more)
    assert (recipe.epochs, recipe.loss.box, recipe.loss.objectness, recipe.seed) == (3, 2, 3, 8)


def test_hyperparameters_may_have_some_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "last.yaml").write_text("epochs: 9\nloss: {box: 2}\nseed: 8\n")
    (tmp_path / "mine.yaml").write_text(f"hyperparameters: {tmp_path / 'last.yaml'}\nseed: 5\n")
    recipe = loaded(tmp_path, f"hyperparameters: {tmp_path / 'mine.yaml'}\nloss: {{objectness: 3}}")
    assert (recipe.epochs, recipe.loss.box, recipe.loss.objectness, recipe.seed) == (3, 2, 3, 5)


def test_hyperparameters_under_themselves_are_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(f"hyperparameters: {tmp_path / 'mine.yaml'}\n")
    with pytest.raises(UsageError, match=r"mine\.yaml: hyperparameters: .* lies over this file"):
        loaded(tmp_path, f"hyperparameters: {tmp_path / 'mine.yaml'}")


def test_unknown_hyperparameters_are_answered_with_the_known(tmp_path: Path) -> None:
    message = (
        r"'publishd' given; did you mean 'published'\? accepted: p5, p6, published, small, tiny"
    )
    with pytest.raises(UsageError, match=message):
        loaded(tmp_path, "hyperparameters: publishd")


def test_adamw_has_rates_of_its_own(tmp_path: Path) -> None:
    recipe = loaded(tmp_path, "optimiser: {algorithm: adamw}")
    assert (recipe.optimiser.lr, recipe.optimiser.warmup_bias_lr) == (0.001, 0)
    recipe = loaded(tmp_path, "optimiser: {algorithm: adamw, lr: 0.002}")
    assert recipe.optimiser.lr == 0.002


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda p: p.stem)
def test_shipped_recipes_are_valid(path: Path) -> None:
    assert load_recipe(path).data.classes
