"""A network in torch as a model to evaluate: during training, and from .safetensors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.engines.torch_graph import ContractGraph
from detector.weights.torch_networks import load_weights
from detector.yolov7.network import Network, deploy
from trainer.evaluation.evaluate import Model

TOP_K = 512


def weights_model(path: Path, *, rectangular: bool) -> Model:
    """Return the model of a .safetensors file. Raises ModelError if it cannot be read.

    rectangular: pad images as little as possible
    """
    network, info = load_weights(path)
    return network_model(network, info.class_names, info.size, rectangular=rectangular)


def network_model(
    network: Network,
    class_names: Sequence[str],
    size: tuple[int, int],
    batch: int = 8,
    *,
    rectangular: bool = False,
) -> Model:
    """Return a model of a copy of `network`, deployed as for export, in float32."""
    device, deployed = network.anchors.device, deploy(network).cpu()
    graphs: dict[tuple[int, int], ContractGraph] = {}

    def graph_for(shape: tuple[int, int]) -> ContractGraph:
        if shape not in graphs:
            graph = ContractGraph(deployed, shape, TOP_K).eval().to(device)
            graphs[shape] = graph.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return graphs[shape]

    @torch.inference_mode()
    def infer(images: UInt8Array) -> Candidates:
        graph = graph_for((images.shape[1], images.shape[2]))
        boxes, scores = graph(torch.from_numpy(images).to(device))
        return Candidates(boxes.cpu().numpy(), scores.cpu().numpy())

    step = max(network.strides) if rectangular else None
    return Model(infer, tuple(class_names), size, batch, step=step)
