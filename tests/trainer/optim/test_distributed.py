"""Two processes with a batch of 8 each learn the same as one process from the same images."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from detector.errors import UsageError
from tests.support.paths import ROOT
from tests.support.rectangles import draw_rectangles, rectangles_recipe
from tests.trainer.data.test_datasets import Numbered
from tests.trainer.test_train import Watched, losses, weights
from trainer.data.batches import batches
from trainer.interrupt import stop_requested
from trainer.recipe import Recipe, load_recipe
from trainer.train import train

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1"]
TORCHRUN += ["--master-addr=127.0.0.1", "--local-addr=127.0.0.1"]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("distributed")
    described = draw_rectangles(folder / "rectangles")
    options: dict[str, Any] = {"epochs": 2, "nominal_batch": 16, "validate_every": 2}
    made = rectangles_recipe(described, batch=8, amp=False, **options)
    path = folder / "rectangles.yaml"
    path.write_text(yaml.safe_dump(made.model_dump(mode="json")))
    return path


@pytest.fixture(scope="module")
def two_processes(recipe: Path) -> Path:
    """Return the folder of a training by two nodes with a process each, and a batch of 8 each.

    The nodes are two torchrun on this machine, which meet over the loopback address, as in
    docs/cluster.md.
    """
    folder = recipe.parent / "two"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    training = ["-m", "trainer", "train", str(recipe), "--output", str(folder)]
    nodes = [
        subprocess.Popen(
            [*TORCHRUN, f"--node-rank={rank}", f"--master-port={port}", *training],
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        said = [node.communicate(timeout=110) for node in nodes]
    finally:
        for node in nodes:
            node.kill()
    assert [node.returncode for node in nodes] == [0, 0], said
    shown = "".join(out for out, _ in said)
    assert shown.count("epoch 2/2") == 1 and (folder / "two.onnx").is_file(), said
    return folder


def one_process(recipe: Path, folder: Path, **options: Any) -> Path:
    described = load_recipe(recipe)
    assert train(described.model_copy(update=options), folder, Watched())
    return folder


def totals(folder: Path) -> list[float]:
    """Return the total loss of each epoch."""
    return [epoch[-1] for epoch in losses(folder)]


def test_two_processes_of_8_equal_one_process_with_two_batches_of_8(
    recipe: Path, two_processes: Path, tmp_path: Path
) -> None:
    one = one_process(recipe, tmp_path)
    np.testing.assert_allclose(losses(two_processes), losses(one), rtol=1e-4)
    torch.testing.assert_close(weights(two_processes), weights(one), rtol=0, atol=1e-3)


def test_two_processes_of_8_equal_one_batch_of_16_within_noise(
    recipe: Path, two_processes: Path, tmp_path: Path
) -> None:
    """They differ: the loss is a mean over a batch's objects, and so is batch normalisation.

    With seven of eight seeds the total loss differs by at most 0.06, and its terms by up to 0.15.
    """
    one = one_process(recipe, tmp_path, batch=16)
    np.testing.assert_allclose(totals(two_processes), totals(one), rtol=0.1)


def test_a_training_of_two_processes_is_not_resumed_by_one(
    recipe: Path, two_processes: Path
) -> None:
    with pytest.raises(UsageError, match=r"was trained by 2 processes, not 1: start the same"):
        train(load_recipe(recipe), two_processes, Watched(), resume=True)


def test_synchronised_statistics_need_gpus(recipe: Path, tmp_path: Path) -> None:
    described = load_recipe(recipe).model_copy(update={"sync_batchnorm": True, "device": "cpu"})
    with pytest.raises(UsageError, match=r"sync_batchnorm: true given, .* on GPUs only"):
        train(described, tmp_path, Watched())


@pytest.mark.parametrize(("options", "message"), [
    ({"device": "cuda"}, r"device: 'cuda' given, but torch finds no GPU here"),
    ({"device": "cpu", "amp": "fp16"}, r"amp: 'fp16' given, but a CPU has only bf16"),
])  # fmt: skip
def test_options_that_the_machine_lacks_are_refused(
    recipe: Path, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    if options["device"] == "cuda" and torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    described = Recipe.model_validate(load_recipe(recipe).model_dump(mode="json") | options)
    with pytest.raises(UsageError, match=message):
        train(described, tmp_path, Watched())


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_the_batches_of_all_processes_are_those_of_the_epoch(processes: int) -> None:
    """23 images in batches of 5 are 5 batches; a process without one takes the first again."""
    whole = [images[:, 0, 0, 0].tolist() for images, _ in batches(Numbered(), 5, seed=3, epoch=7)]
    shares = [
        [
            images[:, 0, 0, 0].tolist()
            for images, _ in batches(Numbered(), 5, seed=3, epoch=7, rank=rank, processes=processes)
        ]
        for rank in range(processes)
    ]
    together = list(chain.from_iterable(zip(*shares, strict=True)))
    assert together == whole + whole[: len(together) - len(whole)]
    assert len(together) - len(whole) < processes


def test_a_signal_that_torchrun_repeats_is_ignored() -> None:
    with stop_requested(ignore_repeats=True) as requested:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            assert requested.wait(timeout=10)
