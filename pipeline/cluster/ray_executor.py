"""Workers of a library on the nodes of a Ray cluster: an actor each."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from threading import Event as Pause
from time import monotonic
from types import ModuleType
from typing import Any

from detector.errors import FramelaneError
from pipeline.cluster.ray_module import on_node
from pipeline.cluster.recording_worker import THREADS, Polled, RecordingWorker
from pipeline.cluster.sealed import Sealed
from pipeline.cluster.slots import Slot, slots_for
from pipeline.library.executor import Ending, Event, Finished, Job, Lost, Outcome, Progress
from pipeline.library.load import Load

log = logging.getLogger("framelane")

LOOK_SECONDS = 2.0  # between two looks for nodes that came or left
DESERTED_SECONDS = 120.0  # without a node, after which the run ends
MAX_STILLBORN = 3  # workers in a row that die before their engine is open


class RayExecutor:
    """An Executor on a Ray cluster. Recordings and outputs have the same paths on all nodes.

    ray: connected; limit: of workers on all nodes together; None: one for each core
    """

    def __init__(self, ray: ModuleType, limit: int | None) -> None:
        self._ray = ray
        self._limit = limit
        self._slots: dict[str, list[Slot]] = {}  # of each node, taken or not
        self._free: list[Slot] = []
        self._idle: list[_Worker] = []
        self._busy: dict[Any, _Worker] = {}  # by what will be its next answer
        self._loads: dict[str, Load] = {}  # of each node that has worked
        self._unusable: dict[str, str] = {}  # nodes that cannot run the model, and why
        self._stillborn = 0
        self._looked_at = self._seen_at = monotonic()
        self._look_for_nodes()

    @property
    def capacity(self) -> int:
        """How many jobs may be in flight: one for each worker."""
        return len(self._free) + len(self._idle) + len(self._busy)

    @property
    def load(self) -> Load:
        """How busy the nodes are that work, together."""
        return sum((self._loads.get(node, Load()) for node in self._slots), Load())

    def submit(self, job: Job) -> None:
        """Start on a job, in a worker that has an engine already if one is free."""
        worker = self._idle.pop() if self._idle else _Worker(self._ray, self._free.pop())
        worker.begin(job)
        self._busy[worker.poll()] = worker

    def wait(self, timeout: float) -> Sequence[Event]:
        """Return what has happened; raises FramelaneError if no node is left to work."""
        if monotonic() - self._looked_at > LOOK_SECONDS:
            self._look_for_nodes()
        if not self._busy:
            Pause().wait(timeout)
            return []
        ready, others = self._ray.wait(list(self._busy), timeout=timeout)
        if others:
            ready += self._ray.wait(others, num_returns=len(others), timeout=0)[0]
        events = [self._event(reference, self._busy.pop(reference)) for reference in ready]
        return [event for event in events if event is not None]

    def stop(self) -> None:
        """Ask every job in flight to end with its current frame."""
        for worker in self._busy.values():
            worker.actor.stop.remote()

    def close(self) -> None:
        """End all workers at once."""
        for worker in [*self._busy.values(), *self._idle]:
            worker.kill()
        self._busy.clear()
        self._idle.clear()
        self._free.clear()

    def _event(self, reference: Any, worker: _Worker) -> Event | None:
        """Return what a worker says, or how it died."""
        exceptions, job = self._ray.exceptions, worker.job
        try:
            polled: Polled = self._ray.get(reference)
        except exceptions.ActorUnavailableError:
            self._busy[worker.poll()] = worker  # Ray does not know yet whether it is gone
            return None
        except exceptions.RayError as error:
            return self._lost(worker, error)
        self._loads[worker.slot.node] = polled.load
        if polled.frames is not None:
            self._stillborn, worker.is_open = 0, True
        if polled.outcome is None:
            self._busy[worker.poll()] = worker
            return None if polled.frames is None else Progress(job, polled.frames)
        if polled.outcome.ending is Ending.UNUSABLE:
            return self._unusable_node(worker, polled.outcome)
        self._idle.append(worker)
        return Finished(job, polled.outcome)

    def _unusable_node(self, worker: _Worker, outcome: Outcome) -> Event:
        """Give the job to another node, unless none can run the model."""
        node = worker.slot.node
        worker.kill()
        if node not in self._unusable:
            log.warning("a node cannot run the model, and gets no recording: %s", outcome.reason)
        self._unusable[node] = outcome.reason
        self._look_for_nodes()
        if not self._slots:
            return Finished(worker.job, outcome)
        return Lost(worker.job, outcome.reason, innocent=True)

    def _lost(self, worker: _Worker, error: Exception) -> Lost:
        """Return how a worker died. A node that left has taken its workers with it."""
        self._look_for_nodes()
        if worker.slot.node not in self._slots:
            return Lost(worker.job, "its node has left the cluster", innocent=True)
        worker.kill()
        self._free.append(worker.slot)
        why = (
            f"its process crashed or was killed ({type(error).__name__}): often the memory was full"
        )
        self._stillborn += not worker.is_open
        if self._stillborn >= MAX_STILLBORN:
            raise FramelaneError(
                f"{self._stillborn} workers in a row died before they could begin; the last one: "
                f"{why}: try `framelane run` with one of the recordings on a node"
            )
        return Lost(worker.job, why, innocent=not worker.is_open)

    def _look_for_nodes(self) -> None:
        """Use nodes that are new, and forget those that have left."""
        self._looked_at = now = monotonic()
        cores = {
            node["NodeID"]: int(node["Resources"].get("CPU", 0))
            for node in self._ray.nodes()
            if node["Alive"] and node["NodeID"] not in self._unusable
        }
        wanted = slots_for({node: count for node, count in cores.items() if count}, self._limit)
        known = {node: slots for node, slots in self._slots.items() if cores.get(node)}
        new = {node: slots for node, slots in wanted.items() if node not in known}
        self._slots = known | new
        self._free = [slot for slot in self._free if slot.node in known]
        self._idle = [worker for worker in self._idle if worker.slot.node in known]
        room = None if self._limit is None else max(0, self._limit - self.capacity)
        self._free += [slot for slots in new.values() for slot in slots][:room]
        if self._slots:
            self._seen_at = now
        elif now - self._seen_at > DESERTED_SECONDS and not self._unusable:
            raise FramelaneError(
                f"no node with a CPU has been there for {DESERTED_SECONDS:.0f} s: start one with "
                "`ray start`, then run this command again: it does what is missing"
            )


class _Worker:
    """An actor, and the job that it works on.

    is_open: it has opened its engine
    """

    def __init__(self, ray: ModuleType, slot: Slot) -> None:
        self._ray = ray
        self.slot = slot
        self.is_open = False
        self.job: Job
        self._turn = 0
        options = {"max_concurrency": THREADS, "max_restarts": 0}
        self.actor = on_node(ray, RecordingWorker, slot.node, **options).remote(slot.threads)

    def begin(self, job: Job) -> None:
        """Give the actor a job."""
        self.job = job
        self._turn += 1
        self.actor.begin.remote(Sealed(job), self._turn)

    def poll(self) -> Any:
        """Return what will be the actor's next answer."""
        return self.actor.poll.remote(self._turn)

    def kill(self) -> None:
        """End the actor, whatever it does."""
        with suppress(self._ray.exceptions.RayError):
            self._ray.kill(self.actor)
