"""A checkpoint restores a training exactly, and is refused where it does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from detector.errors import FramelaneError, UsageError
from detector.yolov7.network import build_network
from tests.support.rectangles import rectangles_recipe
from trainer.optim.optimizer import MovingAverage, Stepper, make_optimiser
from trainer.recipe import Recipe
from trainer.training_state import Learner, TrainingPosition, load_state, save_state


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return rectangles_recipe(Path("data.yaml"), width=0.125)


def learner(recipe: Recipe, seed: int, steps: int = 0) -> Learner:
    """Return a learner after a few optimiser steps with random gradients."""
    torch.manual_seed(seed)
    network = build_network("yolov7-tiny", classes=2, width=recipe.width)
    average = MovingAverage(network, recipe.average)
    optimiser = make_optimiser(network, recipe.optimiser, 1.0)
    stepper = Stepper(optimiser, torch.amp.GradScaler("cpu", enabled=False), None)
    for _ in range(steps):
        for weight in network.parameters():
            weight.grad = torch.randn_like(weight)
        stepper.step()
        average.update(network)
    return Learner(network, average, stepper)


POSITION = TrainingPosition(epoch=2, batch=3, sums=[1.5, 3.0, 4.5, 9.0], best=0.25, history=[{}])


@pytest.fixture(scope="module")
def saved(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("state") / "state.safetensors"
    save_state(path, learner(recipe, seed=0, steps=2), POSITION, recipe, processes=1)
    return path


def test_a_checkpoint_restores_weights_average_momentum_and_position(
    recipe: Recipe, saved: Path
) -> None:
    original, restored = learner(recipe, seed=0, steps=2), learner(recipe, seed=1)
    assert load_state(saved, restored, recipe, processes=1) == POSITION
    assert restored.average.updates == 2
    expected, actual = original.tensors(), restored.tensors()
    assert expected.keys() == actual.keys()
    assert any(name.endswith("momentum_buffer") for name in actual)
    for name, value in expected.items():
        torch.testing.assert_close(actual[name], value, rtol=0, atol=0)


def test_a_checkpoint_of_another_recipe_is_refused(recipe: Recipe, saved: Path) -> None:
    other = recipe.model_copy(update={"seed": 7, "batch": 2})
    with pytest.raises(UsageError, match=r"another recipe \(batch, seed differ\)"):
        load_state(saved, learner(recipe, seed=0), other, processes=1)


def test_a_checkpoint_of_another_number_of_processes_is_refused(
    recipe: Recipe, saved: Path
) -> None:
    with pytest.raises(UsageError, match=r"by 1 processes, not 2: start the same number"):
        load_state(saved, learner(recipe, seed=0), recipe, processes=2)


def test_a_damaged_checkpoint_is_refused(recipe: Recipe, saved: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "state.safetensors"
    damaged.write_bytes(saved.read_bytes()[:1000])
    with pytest.raises(UsageError, match=r"state\.safetensors: not a checkpoint .* or damaged"):
        load_state(damaged, learner(recipe, seed=0), recipe, processes=1)


def test_the_means_are_those_of_the_batches_of_the_epoch() -> None:
    position = TrainingPosition()
    position.add([1.0, 2.0])
    position.add([3.0, 6.0])
    assert position.means == [2.0, 4.0]
    position.end_epoch({"epoch": 1})
    assert (position.epoch, position.batch, position.sums) == (1, 0, [])
    assert position.history == [{"epoch": 1}]


def test_a_loss_that_is_not_finite_ends_the_training_with_advice() -> None:
    with pytest.raises(FramelaneError, match=r"not finite in epoch 1, batch 1.*optimiser.lr"):
        TrainingPosition().add([1.0, float("nan"), 1.0, float("nan")])
