"""A training can be resumed after any interruption, and its files are always intact."""

from __future__ import annotations

import random
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from detector.errors import FramelaneError
from tests.support.paths import ROOT
from tests.support.rectangles import draw_rectangles, rectangles_recipe
from tests.trainer.test_train import Watched, losses, weights
from trainer.recipe import Recipe
from trainer.train import train

KILLS = 10


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """Three epochs of 8 steps on the smallest network, saved after each step."""
    described = draw_rectangles(tmp_path_factory.mktemp("restart") / "rectangles")
    return rectangles_recipe(
        described, width=0.125, batch=4, nominal_batch=4, checkpoint_minutes=1e-9, workers=0
    )


# One process imports torch, and each training runs in a fork of it, because the import takes longer
# than the training. The parent starts no thread before it forks.
SERVER = """
import io, os, signal, sys, time
from pathlib import Path
import torch
from rich.console import Console
from trainer.console import Display
from trainer.recipe import Recipe
from trainer.train import train

recipe = Recipe.model_validate_json(Path(sys.argv[1]).read_text())
torch.set_num_threads(1)
torch.optim.SGD([torch.zeros(1)])  # the first optimizer imports much, here instead of in each child
for line in sys.stdin:
    folder, kill_after = line.split()
    began, child = time.monotonic(), os.fork()
    if child == 0:
        train(recipe, Path(folder), Display(Console(file=io.StringIO()), 0), resume=True)
        os._exit(0)
    if float(kill_after):
        time.sleep(float(kill_after))
        os.kill(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(code, time.monotonic() - began, flush=True)
"""


class Trainings:
    """Runs trainings in a process that can be killed."""

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        (folder / "recipe.json").write_text(recipe.model_dump_json())
        self._server = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(folder / "recipe.json")],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, folder: Path, kill_after: float = 0) -> tuple[int, float]:
        """Train in `folder`; return the exit code and the duration in seconds."""
        assert self._server.stdin and self._server.stdout
        self._server.stdin.write(f"{folder} {kill_after}\n")
        self._server.stdin.flush()
        code, seconds = self._server.stdout.readline().split()
        return int(code), float(seconds)

    def close(self) -> None:
        self._server.communicate()


def test_a_training_killed_at_ten_random_times_equals_an_uninterrupted_one(
    recipe: Recipe, tmp_path: Path
) -> None:
    trainings = Trainings(recipe, tmp_path)
    try:
        code, seconds = trainings.run(tmp_path / "whole")
        assert code == 0
        for _ in range(KILLS):
            code, _ = trainings.run(tmp_path / "killed", random.uniform(0.01, seconds / 8))
            assert code == -signal.SIGKILL
        assert trainings.run(tmp_path / "killed")[0] == 0
    finally:
        trainings.close()
    whole, other = losses(tmp_path / "whole"), losses(tmp_path / "killed")
    np.testing.assert_allclose(other, whole, rtol=0, atol=1e-5)
    torch.testing.assert_close(
        weights(tmp_path / "killed"), weights(tmp_path / "whole"), rtol=0, atol=1e-5
    )


def test_a_full_disk_leaves_the_last_state_intact(recipe: Recipe, tmp_path: Path) -> None:
    whole, full = tmp_path / "whole", tmp_path / "full"
    assert train(recipe, whole, Watched())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = (100_000, hard)  # smaller than any state
    fill = Watched(11, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    try:
        with pytest.raises(
            FramelaneError, match=r"full: cannot be written: .*free some space and continue"
        ):
            train(recipe, full, fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    files = {path.name for path in full.iterdir() if path.is_file()}
    assert files == {"batch.jpg", "best.safetensors", "results.csv", "state.safetensors"}
    assert train(recipe, full, Watched(), resume=True)
    np.testing.assert_allclose(losses(full), losses(whole), rtol=0, atol=1e-5)
    torch.testing.assert_close(weights(full), weights(whole), rtol=0, atol=1e-5)
