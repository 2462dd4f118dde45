"""A recipe is read strictly: what is wrong is named, and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.errors import UsageError
from tests.conftest import ROOT
from trainer.recipe import load_recipe

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


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda p: p.stem)
def test_shipped_recipes_are_valid(path: Path) -> None:
    assert load_recipe(path).data.classes
