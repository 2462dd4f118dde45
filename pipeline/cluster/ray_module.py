"""The only module that imports Ray."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from detector.errors import UsageError

MISSING = "a cluster needs Ray: pip install 'framelane[cluster]'"
# Ray reads them when it is imported. What nodes need for its security: docs/cluster.md
SETTINGS = {
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
}


def load_ray() -> ModuleType:
    """Return Ray, with our settings. Raises UsageError if it is missing, or its token is off."""
    for name, value in SETTINGS.items():
        given = os.environ.setdefault(name, value)
        if name == "RAY_AUTH_MODE" and given != value:
            raise UsageError(
                f"RAY_AUTH_MODE: '{given}' given: without a token everybody who reaches the "
                "cluster's ports runs programs on it; give 'token', see docs/cluster.md"
            )
    try:
        import ray
        import ray.exceptions
        import ray.util.scheduling_strategies
    except ImportError as error:
        raise UsageError(MISSING) from error
    return ray


def print_no_deaths(ray: ModuleType) -> None:
    """Keep Ray from printing on standard output that a worker or a node has died.

    It has no setting for that. We find it out by ourselves, and say what it means.
    """
    ray._private.worker.print_to_stdstream = lambda *_, **__: None


def on_node(ray: ModuleType, actor: type, node_id: str, **options: Any) -> Any:
    """Return what makes an actor on a certain Ray node, and nowhere else.

    It takes no resource: cameras and jobs are placed by us.
    """
    strategy = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node_id, soft=False)
    return ray.remote(actor).options(num_cpus=0, scheduling_strategy=strategy, **options)


def show_gpus() -> None:
    """Undo that Ray hides the GPUs of a node from actors that reserve none.

    Called in an actor, before anything uses a GPU.
    """
    if os.environ.get("CUDA_VISIBLE_DEVICES") == "":
        del os.environ["CUDA_VISIBLE_DEVICES"]


def name_of(node: Mapping[str, Any]) -> str:
    """Return the name of a Ray node: its label, or its address."""
    return str(node["Labels"].get("framelane-node") or node["NodeManagerAddress"])
