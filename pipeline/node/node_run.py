"""The run of a node: an ordinary run, whose cameras come and go."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from detector.acceptance.gate import open_accepted
from detector.engines.auto import AUTO, choose_engine
from detector.errors import FramelaneError, UsageError
from detector.weights.zoo import find_model
from pipeline.assembly.engine import engine_options
from pipeline.assembly.run import build
from pipeline.config import RunConfig, SourceConfig
from pipeline.fleet.camera import REFUSED, STARTING
from pipeline.graph import StreamStages
from pipeline.monitor.watchdog import USUAL_SECONDS, Watchdog
from pipeline.node.camera_cost import CostMeter
from pipeline.redaction import without_password
from pipeline.report.complaints import complaints
from pipeline.run import Run

log = logging.getLogger("framelane")

STOPPING, RUNNING, DONE = "STOPPING", "LIVE", "DONE"  # states beside those of connections


@dataclass(frozen=True, slots=True)
class WantedCamera:
    """A camera that the node should run.

    source: as plain data; it may hold credentials
    """

    epoch: int
    digest: str
    source: Mapping[str, Any] = field(repr=False)


def try_engine(config: RunConfig) -> None:
    """Open the engine once, which builds it and compares it with its reference if that is due.

    Raises FramelaneError if this node cannot run the model.
    """
    model = find_model(config.model.name, size=config.model.imgsz)
    name = choose_engine(model) if config.model.engine == AUTO else config.model.engine
    alone = config.model_copy(update={"sources": ()})
    with closing(open_accepted(name, model, **engine_options(name, alone)).engine):
        log.info("%s runs %s on this node", name, model.name)


def starting(cameras: Mapping[str, WantedCamera]) -> dict[str, Any]:
    """Return the report on cameras before the run is there."""
    return {
        name: {"epoch": each.epoch, "digest": each.digest, "state": STARTING}
        for name, each in cameras.items()
    }


class NodeRun:
    """Runs the cameras of a node. `set_cameras` and `close` wait, and are called by one thread.

    Nothing is started before there is a camera.

    config: of the run, without cameras
    """

    def __init__(self, config: RunConfig) -> None:
        self._config = config
        self._run: Run | None = None
        self._meter: CostMeter | None = None
        self._watchdog: Watchdog | None = None
        self._held: dict[str, WantedCamera] = {}  # cameras that were started or refused
        self._refused: dict[str, str] = {}

    @property
    def failure(self) -> str | None:
        """Why the run has ended by itself, None if it goes on."""
        run = self._run
        if run is None or not run.pipeline.wait(0):
            return None
        found = complaints(run.pipeline, run.streams)
        return without_password(found[-1]) if found else "the run has ended"

    def set_cameras(self, wanted: Mapping[str, WantedCamera]) -> None:
        """Stop the cameras that are not wanted in this epoch, and start those that are missing."""
        for name in [name for name, held in self._held.items() if wanted.get(name) != held]:
            self._stop(name)
        missing = {name: each for name, each in wanted.items() if name not in self._held}
        if missing and self._run is None:
            missing = self._begin(missing)
        for name, each in missing.items():
            self._start(name, each)

    def look(self) -> None:
        """Measure the cameras, and see whether a stage hangs."""
        if self._meter and self._watchdog:
            self._meter.look()
            self._watchdog.look()

    def report(self, wanted: Mapping[str, WantedCamera]) -> dict[str, Any]:
        """Return the state of each camera, ready for JSON; also of those that are being stopped."""
        streams = {stream.name: stream for stream in self._run.streams} if self._run else {}
        held = dict(self._held)
        found = {}
        for name, each in {**held, **wanted}.items():
            stream = streams.get(name) if held.get(name) == each else None
            entry = {"epoch": each.epoch, "digest": each.digest, "state": STARTING}
            if name not in wanted:
                entry["state"] = STOPPING
            elif held.get(name) == each and name in self._refused:
                entry |= {"state": REFUSED, "details": {"why": self._refused[name]}}
            elif stream is not None and self._run:
                entry |= self._figures(self._run, stream)
            found[name] = entry
        return found

    def run(self) -> Run | None:
        """Return the run, None before the first camera."""
        return self._run

    def close(self) -> None:
        """End all cameras, and write everything that is in flight."""
        run, self._run = self._run, None
        self._held = {}
        if run:
            run.pipeline.stop()
            run.pipeline.join()

    def _begin(self, cameras: dict[str, WantedCamera]) -> dict[str, WantedCamera]:
        """Build the run and start it; return the cameras that are not in it yet.

        Raises FramelaneError, for example if another run uses the store of events.
        """
        held: dict[str, WantedCamera] = {}
        try:
            # the engine is set up for the cameras that it begins with
            sources = tuple(_source(each) for each in cameras.values())
            run = build(self._config.model_copy(update={"sources": sources}), more=True)
            held, cameras = cameras, {}
        except UsageError:  # one of them: the others must run
            run = build(self._config.model_copy(update={"sources": ()}), more=True)
        run.pipeline.start()
        self._meter = CostMeter(run)
        seconds = self._config.watchdog or USUAL_SECONDS
        self._watchdog = Watchdog(run.pipeline, lambda: run.streams, seconds, give_up=None)
        self._run, self._held = run, dict(held)
        return cameras

    def _start(self, name: str, camera: WantedCamera) -> None:
        assert self._run
        try:
            self._run.add(_source(camera))
        except FramelaneError as error:
            self._refused[name] = without_password(str(error))
            log.error("camera '%s' cannot be started: %s", name, self._refused[name])
        self._held[name] = camera

    def _stop(self, name: str) -> None:
        try:
            if self._refused.pop(name, None) is None and self._run:
                self._run.remove(name)
        except FramelaneError as error:  # its camera does not answer: it is tried again
            log.warning("camera '%s' has not ended yet: %s", name, error)
            return
        del self._held[name]

    def _figures(self, run: Run, stream: StreamStages) -> dict[str, Any]:
        balance = run.pipeline.ledger.balance(stream.name)
        recording = stream.recording.figures() if stream.recording else None
        cost = self._meter.costs.get(stream.name) if self._meter else None
        return {
            "state": _state(run, stream),
            "cost": [cost.cores, cost.engine] if cost else None,
            "details": {
                "url": stream.url,
                "decoded": balance.decoded,
                "emitted": balance.emitted,
                "dropped": balance.dropped.total(),
                "failed": balance.failed.total(),
                "latency_ms": balance.latency.as_milliseconds(),
                "connections": stream.status.connections if stream.status else None,
                "recording": recording
                and {key: recording[key] for key in ("packets", "recorded", "segments")},
            },
        }


def _state(run: Run, stream: StreamStages) -> str:
    if stream.status:
        return stream.status.state.name
    own = [worker for worker in run.pipeline.workers if worker.stream == stream.name]
    return DONE if run.pipeline.wait_for(own, 0) else RUNNING


def _source(camera: WantedCamera) -> SourceConfig:
    return SourceConfig.model_validate({**camera.source, "epoch": camera.epoch})
