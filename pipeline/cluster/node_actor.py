"""The actor on a Ray node. It passes requests on to the node's process, which does not need it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from detector.errors import FramelaneError
from pipeline.cluster.ray_module import show_gpus
from pipeline.cluster.sealed import Sealed
from pipeline.node.launch import ask_node, node_folder

THREADS = 8  # requests at once: one may wait for another


class NodeActor:
    """Runs in a worker of Ray. folder: of the node, may start with ~; name: of the node."""

    def __init__(self, folder: str, name: str) -> None:
        show_gpus()
        self._folder = node_folder(folder, name)

    def ask(self, request: Sealed[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the node's answer; `error` if it refuses, `absent` if there is no process."""
        try:
            return ask_node(self._folder, request.open())
        except FramelaneError as error:
            return {"error": str(error)}
