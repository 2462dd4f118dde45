"""What a node answers to its coordinator, and the thread that carries it out."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Condition, Thread
from time import monotonic
from typing import Any

from detector.errors import FramelaneError
from pipeline.config import RunConfig
from pipeline.fleet.camera import FAILED, PREPARING, READY
from pipeline.fleet.terms import Superseded, TermGuard
from pipeline.node.assignment import run_config
from pipeline.node.camera_logs import CameraLogs
from pipeline.node.model_store import ModelStore
from pipeline.node.node_run import NodeRun, WantedCamera, starting, try_engine
from pipeline.redaction import without_password
from pipeline.web.metrics import RunCollector

log = logging.getLogger("framelane")

LOOK_SECONDS = 0.5  # between two looks at the cameras
RETRY_SECONDS = 120.0  # before an engine that failed is tried again
UNTOLD_SECONDS = 30.0  # after which a node ends that no coordinator has told anything
LOG_LINES = 200  # of a log, in an answer


class Node:
    """Runs what it was told last, also when nobody asks any more.

    folder: for models and logs
    stopped: called when the node was asked to end, and has ended its cameras
    clock: seconds that never go back
    """

    def __init__(
        self,
        folder: Path,
        logs: CameraLogs,
        stopped: Callable[[], None],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._logs = logs
        self._models = ModelStore(folder / "models")
        self._stopped = stopped
        self._guard = TermGuard(folder, clock)
        self._clock = clock
        self._started_at = clock()
        self._changed = Condition()
        self._shared: Mapping[str, Any] = {"digest": ""}
        self._cameras: dict[str, WantedCamera] = {}
        self._ending = False
        self._current = ""  # digest of what the run was built from
        self._config: RunConfig | None = None
        self._run: NodeRun | None = None
        self._engine, self._why = PREPARING, "it was not told what to run"
        self._retry_at: float | None = None
        self._thread = Thread(target=self._work, name="assignments")

    def start(self) -> None:
        """Start to work."""
        self._thread.start()

    def answer(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answer a request of a coordinator. Raises FramelaneError for one that is refused.

        Its `op` is hello (any term; the others need the highest), report, apply (what to run from
        now on), model (a part of a file), metrics, log, or stop.
        """
        operation = request.get("op")
        if operation == "hello":
            return {"term": self._guard.term, "idle_seconds": self._guard.idle_seconds}
        try:
            self._guard.check(request["term"])
        except Superseded as error:
            return {"superseded": str(error)}
        if operation == "apply":
            return self._apply(request)
        if operation == "model":
            self._models.receive(request)
        elif operation == "metrics":
            return {"metrics": self._metrics()}
        elif operation == "log":
            return {"lines": self._logs.tail(request.get("camera"), LOG_LINES)}
        elif operation == "stop":
            self.end()
        elif operation != "report":
            raise FramelaneError(f"the request '{operation}' is unknown: is it another version?")
        return self._report()

    def end(self) -> None:
        """End all cameras, and then the node."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()

    def join(self) -> None:
        """Wait until everything is written."""
        self._thread.join()

    def _apply(self, request: Mapping[str, Any]) -> dict[str, Any]:
        shared = request["shared"]
        if shared and shared.get("model") and not self._models.find(shared["model"]):
            return {"missing_model": True}
        cameras = {
            name: WantedCamera(each["epoch"], each["digest"], each["source"])
            for name, each in request["cameras"].items()
        }
        with self._changed:
            self._shared, self._cameras = shared or self._shared, cameras
            self._changed.notify_all()
        return self._report()

    def _report(self) -> dict[str, Any]:
        with self._changed:
            cameras = dict(self._cameras)
            run = self._run
            states = run.report(cameras) if run else starting(cameras)
            return {
                "term": self._guard.term,
                "shared": self._shared["digest"],
                "engine": self._engine,
                "why": self._why,
                "cores": float(len(os.sched_getaffinity(0))),
                "pid": os.getpid(),
                "cameras": {} if self._engine == FAILED else states,
            }

    def _metrics(self) -> str:
        run = self._run.run() if self._run else None
        if run is None or self._config is None:
            return ""
        return RunCollector(run, self._config).text().decode()

    def _work(self) -> None:
        """Carry out what was asked last, until the end."""
        while True:
            with self._changed:
                self._changed.wait(LOOK_SECONDS)
                shared, cameras, ending = self._shared, dict(self._cameras), self._ending
            if ending or self._is_forgotten():
                break
            try:
                self._carry_out(shared, cameras)
            except FramelaneError as error:
                self._fail(str(error))
            except Exception as error:  # a bug must not end the node
                log.exception("an assignment failed")
                self._fail(f"a bug: {type(error).__name__}")
        if self._run:
            self._run.close()
        self._stopped()

    def _is_forgotten(self) -> bool:
        """Return whether the coordinator that had this node started was stopped meanwhile."""
        silent = self._guard.idle_seconds is None
        return silent and self._clock() - self._started_at > UNTOLD_SECONDS

    def _carry_out(self, shared: Mapping[str, Any], cameras: Mapping[str, WantedCamera]) -> None:
        due = self._retry_at is not None and self._clock() >= self._retry_at
        if shared["digest"] and (shared["digest"] != self._current or due):
            self._prepare(shared)
        if self._run is None or self._engine != READY:
            return
        self._run.set_cameras(cameras)
        self._run.look()
        self._logs.keep(cameras)
        if failure := self._run.failure:
            self._fail(failure)

    def _prepare(self, shared: Mapping[str, Any]) -> None:
        """See whether the model runs here, while the cameras go on as before; then begin anew.

        Raises FramelaneError if it does not.
        """
        self._current, self._retry_at = shared["digest"], None
        if self._run is None:
            self._set_engine(PREPARING, "its engine is built and compared with its reference")
        model = self._models.find(shared["model"]) if shared.get("model") else None
        config = run_config(shared, model)
        try_engine(config)
        if self._run:
            self._run.close()
        with self._changed:
            self._config, self._run = config, NodeRun(config)
        self._set_engine(READY, "")

    def _fail(self, why: str) -> None:
        """Run no camera until the engine works."""
        log.error("this node runs no cameras: %s", why)
        self._set_engine(FAILED, without_password(why))
        run, self._run = self._run, None
        if run:
            run.close()
        self._retry_at = self._clock() + RETRY_SECONDS

    def _set_engine(self, engine: str, why: str) -> None:
        with self._changed:
            self._engine, self._why = engine, why
