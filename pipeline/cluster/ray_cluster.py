"""A Ray cluster as the coordinator of a fleet sees it: nodes that answer."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from threading import Lock
from types import ModuleType
from typing import Any

from pipeline.cluster.node_actor import THREADS, NodeActor
from pipeline.cluster.ray_module import name_of, on_node
from pipeline.cluster.sealed import Sealed
from pipeline.fleet.camera import NodeSpec
from pipeline.fleet.coordinator import Message

log = logging.getLogger("framelane")

OWN_LABELS = ("ray.io/", "framelane-node")  # labels that say nothing about where a camera may run


class RayCluster:
    """The nodes of a cluster. Nodes with 0 CPUs, such as a head, take no cameras.

    ray: connected; node_folder: on each node, with {node}
    """

    def __init__(self, ray: ModuleType, node_folder: str) -> None:
        self._ray = ray
        self._node_folder = node_folder
        self._lock = Lock()
        self._ids: dict[str, str] = {}  # Ray's id of each node that is there
        self._actors: dict[str, Any] = {}  # by Ray's id
        self._twice: set[str] = set()
        self._specs: Sequence[NodeSpec] = ()

    def nodes(self) -> Sequence[NodeSpec]:
        """Return the nodes that Ray knows to be alive; if it does not answer, those of before."""
        try:
            there = self._ray.nodes()
        except Exception as error:  # of many classes; Ray ends this process if it lasts
            log.warning("the head of the cluster does not answer: %s", type(error).__name__)
            return self._specs
        found: dict[str, NodeSpec] = {}
        ids: dict[str, str] = {}
        for node in there:
            cores = node["Resources"].get("CPU", 0.0)
            if not node["Alive"] or not cores:
                continue
            name = name_of(node)
            if name in found:
                self._complain(name)
                continue
            labels = {
                key: value
                for key, value in node["Labels"].items()
                if not key.startswith(OWN_LABELS)
            }
            found[name], ids[name] = NodeSpec(name, cores, labels), node["NodeID"]
        with self._lock:
            self._ids = ids
            self._actors = {
                key: actor for key, actor in self._actors.items() if key in ids.values()
            }
        self._specs = list(found.values())
        return self._specs

    def ask(self, requests: Mapping[str, Message], timeout: float) -> dict[str, Message]:
        """Send a request to each of these nodes, and return the answers that come in time."""
        sent = {}
        for name, request in requests.items():
            actor = self._actor(name)
            if actor is not None:
                sent[actor.ask.remote(Sealed(request))] = name
        if not sent:
            return {}
        ready, _ = self._ray.wait(list(sent), num_returns=len(sent), timeout=timeout)
        answers = {}
        for reference in ready:
            answer = self._answer(sent[reference], reference)
            if answer is not None:
                answers[sent[reference]] = answer
        return answers

    def end(self) -> None:
        """End the actors on all nodes; the processes of the nodes have ended."""
        with self._lock:
            for actor in self._actors.values():
                self._ray.kill(actor)
            self._actors.clear()

    def _answer(self, name: str, reference: Any) -> Message | None:
        exceptions = self._ray.exceptions
        try:
            answer: Message = self._ray.get(reference)
        except exceptions.ActorUnavailableError:
            return None  # Ray does not know yet whether it is gone
        except exceptions.RayActorError:
            with self._lock:
                self._actors.pop(self._ids.get(name, ""), None)  # the next request makes another
            return None
        except exceptions.RayError as error:
            return {"error": f"a bug in its actor: {type(error).__name__}"}
        return answer

    def _actor(self, name: str) -> Any:
        """Return the actor on a node, None if the node is not there."""
        with self._lock:
            node_id = self._ids.get(name)
            if node_id is None:
                return None
            if node_id not in self._actors:
                self._actors[node_id] = on_node(
                    self._ray,
                    NodeActor,
                    node_id,
                    name=f"node-{name}-{node_id[:8]}",
                    lifetime="detached",
                    get_if_exists=True,
                    max_concurrency=THREADS,
                ).remote(self._node_folder, name)
            return self._actors[node_id]

    def _complain(self, name: str) -> None:
        if name not in self._twice:
            self._twice.add(name)
            log.warning(
                "two Ray nodes have the name '%s', and one of them is not used: start each with "
                "--labels=framelane-node=NAME",
                name,
            )
