"""A training learns, and an interrupted one ends with the same weights."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from safetensors import safe_open
from safetensors.torch import save_file

from detector.errors import UsageError
from detector.weights.torch_networks import load_weights
from tests.support.paths import ROOT
from tests.support.rectangles import SIDE, draw_rectangles, rectangles_recipe
from trainer.console import Display
from trainer.recipe import Recipe
from trainer.train import train


class Watched(Display):
    """A silent display that calls `then` after a number of batches."""

    def __init__(self, at_batch: int = 0, then: Callable[[], None] = lambda: None) -> None:
        super().__init__(Console(file=io.StringIO()), epochs=0)
        self._left, self._then = at_batch, then

    def batches_done(
        self, count: int, parts: Sequence[float], images_per_second: float, memory: int
    ) -> None:
        """Count down."""
        was_left, self._left = self._left, self._left - count
        if self._left <= 0 < was_left:
            self._then()


@pytest.fixture(scope="module")
def rectangles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_rectangles(tmp_path_factory.mktemp("data") / "rectangles")


@pytest.fixture(scope="module")
def short(rectangles: Path) -> Recipe:
    """Three epochs of 24 images in batches of 5, two per step; the last step has only one."""
    whole = {"yolo": rectangles, "split": "all"}
    data = {"classes": ["red", "blue"], "train": [whole | {"repeat": 3}], "val": [whole]}
    return rectangles_recipe(rectangles, data=data, batch=5, nominal_batch=10)


@pytest.fixture(scope="module")
def uninterrupted(short: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uninterrupted")
    assert train(short, folder, Watched())
    return folder


def losses(folder: Path) -> list[list[float]]:
    """Return epoch, loss terms and their sum, by epoch."""
    rows = (folder / "results.csv").read_text().splitlines()[1:]
    return [[float(value) for value in row.split(",")[:5]] for row in rows]


def weights(folder: Path) -> torch.Tensor:
    network, _ = load_weights(folder / "best.safetensors")
    return torch.cat([value.flatten().float() for value in network.state_dict().values()])


def assert_same_training(folder: Path, other: Path) -> None:
    np.testing.assert_allclose(losses(folder), losses(other), rtol=0, atol=1e-5)
    torch.testing.assert_close(weights(folder), weights(other), rtol=0, atol=1e-5)


@pytest.mark.parametrize("batch", [4, 10, 12])  # within the first epoch, at the end of the second
def test_a_training_resumed_after_ctrl_c_equals_an_uninterrupted_one(
    short: Recipe, uninterrupted: Path, tmp_path: Path, batch: int
) -> None:
    interrupt = Watched(batch, lambda: os.kill(os.getpid(), signal.SIGINT))
    assert not train(short, tmp_path, interrupt)
    assert train(short, tmp_path, Watched(), resume=True)
    assert_same_training(tmp_path, uninterrupted)


def test_a_training_resumed_after_kill_9_equals_an_uninterrupted_one(
    short: Recipe, uninterrupted: Path, tmp_path: Path
) -> None:
    (tmp_path / "recipe.json").write_text(short.model_dump_json())
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, check=False, timeout=100
    )
    assert killed.returncode == -signal.SIGKILL
    assert len(losses(tmp_path)) == 1
    assert train(short, tmp_path, Watched(), resume=True)
    assert_same_training(tmp_path, uninterrupted)


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.trainer.test_train import Watched
from trainer.recipe import Recipe
from trainer.train import train

folder = Path(sys.argv[1])
recipe = Recipe.model_validate_json((folder / "recipe.json").read_text())
train(recipe, folder, Watched(9, lambda: os.kill(os.getpid(), signal.SIGKILL)))
"""


def test_a_folder_with_a_training_is_not_overwritten(short: Recipe, uninterrupted: Path) -> None:
    with pytest.raises(UsageError, match=r"already holds a training.*--resume"):
        train(short, uninterrupted, Watched())


def test_resuming_with_another_recipe_names_the_differing_keys(
    short: Recipe, uninterrupted: Path
) -> None:
    changed = short.model_copy(update={"epochs": 9, "seed": 1})
    with pytest.raises(UsageError, match=r"another recipe \(epochs, seed differ\)"):
        train(changed, uninterrupted, Watched(), resume=True)


def test_a_training_older_than_a_key_of_the_recipe_can_be_resumed(
    short: Recipe, uninterrupted: Path, tmp_path: Path
) -> None:
    with safe_open(uninterrupted / "state.safetensors", framework="pt") as file:
        described = json.loads(file.metadata()["training"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    before = json.loads(described["recipe"])
    del before["multi_scale"], before["loss"]["constraint"]
    before["augment"]["least_visible"] = before["augment"].pop("min_visible")
    described["recipe"] = json.dumps(before)
    metadata = {"training": json.dumps(described)}
    save_file(tensors, tmp_path / "state.safetensors", metadata=metadata)
    assert train(short, tmp_path, Watched(), resume=True)


def test_the_best_weights_have_their_metadata(uninterrupted: Path) -> None:
    network, info = load_weights(uninterrupted / "best.safetensors")
    assert network.width == info.width == 0.25
    assert info.class_names == ("red", "blue") and info.size == (SIDE, SIDE)
    assert Recipe.model_validate_json(info.notes["recipe"]).epochs == 3


def test_a_training_that_starts_from_trained_weights_has_a_lower_loss(
    short: Recipe, uninterrupted: Path, tmp_path: Path
) -> None:
    best = uninterrupted / "best.safetensors"
    assert train(short.model_copy(update={"weights": best}), tmp_path, Watched())
    assert losses(tmp_path)[0][-1] < losses(uninterrupted)[0][-1]


def test_a_training_with_all_options_of_the_optimiser_can_be_resumed(
    short: Recipe, tmp_path: Path
) -> None:
    """AdamW, linear schedule, clipping, fitted anchors, frozen rows, multi-scale."""
    values = short.model_dump(mode="json") | {
        "epochs": 2,
        "freeze": 5,
        "anchors": "fitted",
        "multi_scale": 0.5,
        "size": [64, 96],
        "optimiser": {"algorithm": "adamw", "schedule": "linear", "clip": 10.0},
        "hyperparameters": None,
    }
    recipe = Recipe.model_validate(values)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert train(recipe, whole, Watched())
    interrupt = Watched(3, lambda: os.kill(os.getpid(), signal.SIGINT))
    assert not train(recipe, broken, interrupt)
    assert train(recipe, broken, Watched(), resume=True)
    assert_same_training(broken, whole)


def test_weights_of_another_network_are_refused(
    short: Recipe, uninterrupted: Path, tmp_path: Path
) -> None:
    other = short.model_copy(update={"weights": uninterrupted / "best.safetensors", "width": 1.0})
    with pytest.raises(UsageError, match=r"best.safetensors: holds yolov7-tiny at width"):
        train(other, tmp_path, Watched())
