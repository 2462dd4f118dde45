"""The coordinator: asks the nodes, decides, writes it down, and tells them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from threading import Event, Lock
from time import monotonic, time
from typing import Any, Protocol

from detector.errors import FramelaneError, UsageError, did_you_mean
from pipeline.fleet.camera import NodeSpec, Report
from pipeline.fleet.config import FleetConfig
from pipeline.fleet.fleet import Fleet
from pipeline.fleet.orders import Orders
from pipeline.fleet.site import Site
from pipeline.fleet.state_file import read_state, write_state
from pipeline.fleet.status import status_of
from pipeline.fleet.terms import Superseded

log = logging.getLogger("framelane")

SOCKET = "fleet.sock"  # in the folder of the coordinator
ROUND_SECONDS = 1.0  # between two rounds
STOP_ATTEMPTS = 5  # to tell nodes that they are to end: some may just be starting
ANSWER_SECONDS = 4.0  # for a node to answer: much less than it takes to be given up
TAKE_OVER_SECONDS = 10.0  # of silence, after which another coordinator has ended

Message = Mapping[str, Any]


class Cluster(Protocol):
    """The machines of a fleet, and a way to ask the node on each."""

    def nodes(self) -> Sequence[NodeSpec]:
        """Return the machines that are there now."""

    def ask(self, requests: Mapping[str, Message], timeout: float) -> Mapping[str, Message]:
        """Send a request to each of these nodes, and return the answers that come in time.

        A node that refuses answers with `error`, one without a process with `absent`. Any thread.
        """


class Coordinator:
    """Keeps the cameras of a site running on a cluster.

    load: reads the site; raises UsageError. Called at the start, and when it is asked for
    model_messages: yields what carries a model's file to a node
    clock: seconds that never go back; wall: seconds since 1970
    """

    def __init__(
        self,
        cluster: Cluster,
        config: FleetConfig,
        load: Callable[[], Site],
        model_messages: Callable[[Path], Iterable[Message]],
        *,
        clock: Callable[[], float] = monotonic,
        wall: Callable[[], float] = time,
    ) -> None:
        self._cluster = cluster
        self._load = load
        self._model_messages = model_messages
        self._clock, self._wall = clock, wall
        self._folder = Path(config.folder)
        self._lock = Lock()  # guards the fleet
        self._fleet = Fleet(config, clock())
        self._site = load()
        self._claimed: set[str] = set()  # nodes that obey this coordinator
        self._absent: dict[str, str] = {}  # why nodes have not answered
        self._stopping, self._stopped = Event(), Event()
        state = read_state(self._folder)
        if state:
            self._fleet.restore(state)
        self._fleet.configure(self._site.cameras, self._site.shared["digest"])

    @property
    def considered(self) -> int:
        """How often placement has looked at a node."""
        return self._fleet.considered

    def run(self, ended: Event) -> None:
        """Do rounds until `ended`, or until all nodes were told to end.

        Raises Superseded if another coordinator takes over.
        """
        try:
            while not ended.is_set() and not self._stopping.is_set():
                self.round()
                ended.wait(ROUND_SECONDS)
            if self._stopping.is_set():  # after a round, which would have started nodes again
                self._end_nodes()
        finally:
            self._stopped.set()

    def round(self) -> None:
        """Ask all nodes, decide, and tell those that should do something else."""
        specs = {spec.name: spec for spec in self._cluster.nodes()}
        self._claim([name for name in specs if name not in self._claimed])
        self._hear(specs, self._ask(specs, {"op": "report"}))
        with self._lock:
            decision = self._fleet.decide(specs, self._clock(), self._wall())
            if decision.changed:
                write_state(self._folder, self._fleet.state())
            site, term = self._site, self._fleet.term
        requests = {
            name: self._orders(site, orders, term)
            for name, orders in decision.orders.items()
            if name in self._claimed
        }
        answers = self._cluster.ask(requests, ANSWER_SECONDS)
        self._hear(specs, answers)
        for name, answer in answers.items():
            if answer.get("missing_model") and site.model:
                self._send_model(name, site.model, term)

    def status(self) -> dict[str, Any]:
        """Return nodes and cameras, ready for JSON."""
        with self._lock:
            return status_of(self._fleet, self._absent, self._clock())

    def metrics(self) -> dict[str, str]:
        """Return the metrics of each node that answers, as text in Prometheus' format."""
        answers = self._ask(self._claimed, {"op": "metrics"})
        return {name: answer["metrics"] for name, answer in answers.items() if "metrics" in answer}

    def answer(self, request: Message) -> Message:
        """Answer a request of `framelane fleet`. Raises FramelaneError if it is refused."""
        operation = request.get("op")
        with self._lock:
            if operation == "move":
                self._fleet.move(request["camera"], request["node"], self._clock(), self._wall())
            elif operation == "drain":
                self._fleet.drain(request["node"], request["on"])
        if operation == "reload":
            self._reload()
        elif operation == "log":
            return {"lines": self._log(request["camera"])}
        elif operation == "stop":
            self._stopping.set()
            self._stopped.wait()
        elif operation not in ("move", "drain", "status"):
            raise FramelaneError(f"the request '{operation}' is unknown: is it another version?")
        return self.status()

    def _claim(self, names: Iterable[str]) -> None:
        """Make new nodes obey this coordinator, unless another one is at work."""
        answers = self._cluster.ask({name: {"op": "hello"} for name in names}, ANSWER_SECONDS)
        for name, answer in answers.items():
            if "term" not in answer:
                self._absent[name] = answer.get("error") or "its process is starting"
                continue
            with self._lock:
                fleet, idle = self._fleet, answer["idle_seconds"]
                if answer["term"] >= fleet.term:
                    if idle is not None and idle < TAKE_OVER_SECONDS:
                        self._wait_for_other(name, idle)
                        continue
                    fleet.term = answer["term"] + 1
                    write_state(self._folder, fleet.state())
            self._claimed.add(name)
            self._absent.pop(name, None)

    def _wait_for_other(self, node: str, idle: float) -> None:
        """Another coordinator may have just ended; raises Superseded if it is still at work."""
        self._absent[node] = f"another coordinator asked it {idle:.0f} s ago"
        if self._fleet.has_run_for(2 * TAKE_OVER_SECONDS, self._clock()):
            raise Superseded(
                f"another coordinator is at work: node '{node}' heard it {idle:.0f} s ago; end it "
                "first"
            )

    def _ask(self, names: Iterable[str], request: Message) -> Mapping[str, Message]:
        whole = {**request, "term": self._fleet.term}
        wanted = {name: whole for name in list(names) if name in self._claimed}
        return self._cluster.ask(wanted, ANSWER_SECONDS)

    def _hear(self, specs: Mapping[str, NodeSpec], answers: Mapping[str, Message]) -> None:
        for name, answer in answers.items():
            if "superseded" in answer:
                raise Superseded(answer["superseded"])
            if "absent" in answer:
                self._claimed.discard(name)
                self._absent[name] = "its process has ended, and is started again"
            elif "error" in answer:
                log.warning("node '%s': %s", name, answer["error"])
            elif "cameras" in answer:
                report = Report.from_wire(answer)
                spec = NodeSpec(name, report.cores, specs[name].labels)
                with self._lock:
                    self._fleet.heard(spec, report, self._clock())

    @staticmethod
    def _orders(site: Site, orders: Orders, term: int) -> Message:
        # None: the node goes on with the configuration that it has, until it is its turn
        shared = site.shared if orders.shared == site.shared["digest"] else None
        cameras = {
            name: {"epoch": lease.epoch, "digest": lease.digest, "source": site.sources[name]}
            for name, lease in orders.cameras.items()
        }
        return {"op": "apply", "term": term, "shared": shared, "cameras": cameras}

    def _send_model(self, node: str, model: Path, term: int) -> None:
        log.info("node '%s' is sent the model %s", node, model.name)
        for part in self._model_messages(model):
            request = {"op": "model", "term": term, **part}
            if node not in self._cluster.ask({node: request}, 10 * ANSWER_SECONDS):
                return  # it is tried again in the next round

    def _reload(self) -> None:
        site = self._load()
        with self._lock:
            self._site = site
            self._fleet.configure(site.cameras, site.shared["digest"])

    def _log(self, camera: str) -> list[str]:
        with self._lock:
            lease = self._fleet.leases.get(camera)
            if camera not in self._fleet.cameras:
                raise UsageError(f"no camera '{camera}'{did_you_mean(camera, self._fleet.cameras)}")
        if lease is None:
            return []
        answers = self._ask([lease.node], {"op": "log", "camera": camera})
        return list(answers.get(lease.node, {}).get("lines", []))

    def _end_nodes(self) -> None:
        """End all cameras and the processes of all nodes, also of those that just came."""
        deaf = {spec.name for spec in self._cluster.nodes()}
        for attempt in range(STOP_ATTEMPTS):
            if attempt:
                self._stopped.wait(ROUND_SECONDS)
            self._claim([name for name in deaf if name not in self._claimed])
            deaf -= self._ask(deaf, {"op": "stop"}).keys()
            if not deaf:
                break
        else:
            log.warning("not told to end, because they do not answer: %s", ", ".join(sorted(deaf)))
        with self._lock:
            self._fleet.end_all()
            write_state(self._folder, self._fleet.state())
