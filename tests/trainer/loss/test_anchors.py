"""Fitted anchors match the sizes of boxes, and reach saved and deployed networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from detector.detections import Float32Array
from detector.weights.torch_networks import load_weights, save_weights
from detector.yolov7.network import build_network, deploy
from trainer.loss.anchors import fit_anchors, measure, set_anchors

PLANTED = np.array([[8, 10], [20, 9], [30, 60], [90, 40], [120, 150], [300, 200]], np.float32)


def boxes(spread: float = 0.08) -> Float32Array:
    rng = np.random.default_rng(0)
    sides = np.repeat(PLANTED, 50, axis=0) * np.exp(rng.normal(0, spread, (300, 2)))
    return sides.astype(np.float32)


def test_fitness_and_recall_equal_the_slow_definition() -> None:
    sides, anchors = boxes(0.5), PLANTED[[1, 4]]
    near = [
        max(min(w / aw, aw / w, h / ah, ah / h) for aw, ah in anchors.tolist())
        for w, h in sides.tolist()
    ]
    fit = measure(sides, anchors, ratio=3)
    assert fit.recall == pytest.approx(np.mean([each > 1 / 3 for each in near]))
    assert fit.fitness == pytest.approx(np.mean([each if each > 1 / 3 else 0 for each in near]))


def test_anchors_are_fitted_to_the_clusters_of_sizes() -> None:
    found = fit_anchors(boxes(), len(PLANTED), ratio=4, rng=np.random.default_rng(0))
    np.testing.assert_allclose(found, PLANTED[PLANTED.prod(axis=1).argsort()], rtol=0.1)


def test_the_same_seed_gives_the_same_anchors() -> None:
    one, other = (fit_anchors(boxes(0.4), 9, 4, np.random.default_rng(3)) for _ in range(2))
    assert (one == other).all()
    assert measure(boxes(0.4), one, 4).fitness > 0.7


def test_fitted_anchors_reach_the_saved_and_the_deployed_network(tmp_path: Path) -> None:
    network = build_network("yolov7-tiny", classes=1, width=0.125)
    anchors = np.arange(2, 20, dtype=np.float32).reshape(9, 2)
    set_anchors(network, anchors)
    save_weights(network, tmp_path / "a.safetensors", class_names=("a",), size=(64, 64))
    loaded, _ = load_weights(tmp_path / "a.safetensors")
    deployed = deploy(loaded)
    heads = [torch.zeros(1, 3, 1, 1, 6) for _ in range(3)]
    decoded = deployed.decode(heads)[0, :, 2:4]  # a prediction of zero has the size of its anchor
    np.testing.assert_allclose(decoded.numpy(), anchors)
    np.testing.assert_allclose(deployed.head.anchors[1, 0], anchors[3] / 16)
