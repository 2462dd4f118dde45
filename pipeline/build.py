"""From a configuration to a pipeline: the one file that knows every stage."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Container, Sequence
from itertools import chain, count
from pathlib import Path
from threading import Lock
from typing import Any

import cv2

from detector.acceptance.gate import open_gated
from detector.engines import FASTER_IN_BATCHES, engine_opener
from detector.engines.auto import AUTO, choose_engine
from detector.errors import UsageError, did_you_mean
from detector.manifest import Manifest
from detector.weights.zoo import find_model
from pipeline.config import (
    DetectConfig,
    ModelConfig,
    OutputConfig,
    RunConfig,
    SourceConfig,
    TrackerConfig,
    options_of,
)
from pipeline.connections.status import Observed
from pipeline.frame import Detected, Tracked
from pipeline.graph import Graph, Output, SharedStages, StreamStages
from pipeline.options import checked_options
from pipeline.redaction import without_password
from pipeline.report import Figures, stream_figures
from pipeline.runtime.ledger import Ledger
from pipeline.runtime.runner import Pipeline
from pipeline.runtime.stage import Chain, Stage
from pipeline.sinks import make_sink
from pipeline.sources import is_glob, is_live, make_source, source_kind
from pipeline.sources.street.frame_counter import CELL, COUNTER_WIDTH
from pipeline.stages.analyse import Analyse
from pipeline.stages.annotate import Annotate
from pipeline.stages.camera_motion import CameraMotion
from pipeline.stages.decode import Decode
from pipeline.stages.infer import Collect, Submit
from pipeline.stages.preprocess import Preprocess
from pipeline.stages.suppress import Suppress
from pipeline.stages.track import Track
from trackers import make_tracker

LIVE_MAX_AGE = 0.5  # seconds: what an operator still takes for now
# A thread may keep Python's lock for so long while others want it. With Python's 5 ms fourteen
# cameras wait for each other: p99 436 ms, with 1 ms 289, with this 193, and no fewer frames.
TURN_SECONDS = 0.0003
CONFIDENCE = {"with a tracker": 0.1, "without": 0.25}  # ByteTrack lives on weak detections too


MOST_REMOVED = 1000  # streams whose last figures are kept for the report


class Run:
    """A pipeline, ready to run, whose streams may come and go while it does.

    manifest, model: of the engine
    removed: the last figures of streams that were removed, by name
    """

    def __init__(self, config: RunConfig, model: Path, *, more: bool = False) -> None:
        self.manifest = Manifest.beside(model)
        self.model = model
        self.removed: dict[str, Figures] = {}
        self._config = config
        self._ledger = Ledger()
        shared = _shared(config, model, self.manifest)
        self._graph = Graph(shared, self._ledger, more=more)
        self._sources: dict[str, SourceConfig] = {}
        self._outputs: dict[str, list[Path]] = {}  # that are files
        self._lock = Lock()  # of what comes and goes

    @property
    def pipeline(self) -> Pipeline:
        """What starts, stops and ends."""
        return self._graph.pipeline

    @property
    def streams(self) -> list[StreamStages]:
        """The streams that are there now."""
        return self._graph.streams

    def add(self, source: SourceConfig) -> str:
        """Add a stream, which begins at once if the run has begun, and return its name.

        The outputs are those of the configuration. Raises UsageError for whatever can be known to
        be wrong beforehand, FramelaneError where the run is ending.
        """
        with self._lock:
            name = _free_name(source, self._sources)
            targets = [output.url.replace("{stream}", name) for output in self._config.outputs]
            files = [Path(target) for target in targets if "://" not in target]
            self._refuse_collisions(source, files)
            self._graph.add(_stream(source, name, self._config, self.manifest, self._ledger))
            self._sources[name], self._outputs[name] = source, files
            return name

    def remove(self, name: str) -> Figures:
        """End a stream well, wait until all of it is written, and return its last figures.

        A camera that is silent is waited for up to its time-out. Raises UsageError for a stream
        that is not there.
        """
        with self._lock:
            if name not in self._sources:
                raise UsageError(f"no stream '{name}'{did_you_mean(name, self._sources)}")
            last = stream_figures(self.pipeline, self._graph.end(name))
            self._graph.forget(name)
            self._ledger.forget(name)
            del self._sources[name], self._outputs[name]
            self.removed.pop(name, None)
            self.removed[name] = last
            if len(self.removed) > MOST_REMOVED:
                del self.removed[next(iter(self.removed))]
            return last

    def _refuse_collisions(self, source: SourceConfig, files: Sequence[Path]) -> None:
        """Two streams must not write one file, and none may write what another reads."""
        read = {Path(other.url).resolve() for other in [*self._sources.values(), source]}
        written = {path.resolve() for paths in self._outputs.values() for path in paths}
        if Path(source.url).resolve() in written:
            raise UsageError(f"{source.url} is also an output: give another source")
        for path in files:
            if path.resolve() in read:
                raise UsageError(f"--output: {path} is also a source: give it another name")
            if path.resolve() in written:
                raise UsageError(
                    f"--output: {path} would be written twice: give another name, or for several "
                    "streams put {stream} into it, as in out/{stream}" + path.suffix
                )
            written.add(path.resolve())


def build(config: RunConfig, *, more: bool = False) -> Run:
    """Return the run that `config` describes; nothing is opened and no thread is started yet.

    more: it goes on without a stream, until it is stopped: others may be added
    Raises UsageError for whatever can be known to be wrong beforehand.
    """
    cv2.setNumThreads(1)  # pictures are small, and every stage has a thread of its own already
    sys.setswitchinterval(TURN_SECONDS)
    model = find_model(config.model.name, size=config.model.imgsz)
    run = Run(config, model, more=more)
    for source in config.sources:
        run.add(source)
    return run


def _shared(config: RunConfig, model: Path, manifest: Manifest) -> SharedStages:
    engine = config.model
    _check_imgsz(engine, model, manifest)
    name = choose_engine(model) if engine.engine == AUTO else engine.engine
    options = engine_options(name, config)
    submit = Submit(lambda: open_gated(name, model, **options).engine)
    return SharedStages(
        Preprocess(manifest.input_size),
        submit,
        Collect(),
        _suppress(config.detect, config.tracker, manifest),
        submit.close_engine,
        submit.slots,
        max_batch=manifest.max_batch if name in FASTER_IN_BATCHES else 1,
        in_flight=len(os.sched_getaffinity(0)),  # no CPU engine has more streams than cores
    )


def engine_options(name: str, config: RunConfig) -> dict[str, Any]:
    """Return the engine's options: the user's and, for OpenVINO, how much to do at the same time.

    Where fewer cameras than cores are waiting, each picture gets several cores and is ready sooner.
    Recordings want throughput, and OpenVINO chooses.
    """
    options = checked_options(engine_opener(name), options_of(config.model), "model")
    cameras = [source for source in config.sources if is_live(source.url) or source.realtime]
    few = 0 < len(cameras) == len(config.sources) < len(os.sched_getaffinity(0))
    return {"streams": len(cameras)} | options if few and name == "openvino" else options


def _check_imgsz(config: ModelConfig, model: Path, manifest: Manifest) -> None:
    """An exported model has one size; whoever expects another must hear it."""
    asked = config.imgsz
    if asked and asked != manifest.input_size:
        height, width = manifest.input_size
        raise UsageError(
            f"--imgsz: {asked[0]}x{asked[1]} given, but {model.name} was exported for "
            f"{height}x{width} (height x width): leave it out, or export the model at that size"
        )


def _suppress(config: DetectConfig, tracker: TrackerConfig, manifest: Manifest) -> Suppress:
    usual = CONFIDENCE["without" if tracker.name == "none" else "with a tracker"]
    return Suppress(
        confidence=usual if config.conf is None else config.conf,
        iou=manifest.nms_iou if config.iou is None else config.iou,
        classes=None if config.classes is None else _class_ids(config.classes, manifest.classes),
        agnostic=config.agnostic,
        max_detections=config.max_detections,
        keep_small=tracker.camera_motion,
    )


def _class_ids(wanted: Sequence[str | int], names: Sequence[str]) -> set[int]:
    """Return the numbers of the classes that the user named, or numbered."""
    known = {name: k for k, name in enumerate(names)} | {str(k): k for k in range(len(names))}
    for word in map(str, wanted):
        if word not in known:
            raise UsageError(
                f"--classes: no class '{word}' in this model{did_you_mean(word, known)}"
            )
    return {known[str(word)] for word in wanted}


def _stream(
    config: SourceConfig, name: str, run: RunConfig, manifest: Manifest, ledger: Ledger
) -> StreamStages:
    live = is_live(config.url)
    max_age = _max_age(config, live)
    own = {"max_age": max_age} if live else {}
    source = make_source(config.url, name, options_of(config) | own)
    decode = Decode(
        source,
        ledger,
        stride=config.stride,
        max_frames=config.max_frames,
        realtime=config.realtime and not live,
        max_age=max_age,
    )
    outputs = [_output(output, name, manifest.classes) for output in run.outputs]
    _refuse_shows(config, outputs, live or config.realtime)
    drawn = any(output.sink.wants_picture for output in outputs)
    burnt_in = (COUNTER_WIDTH, CELL) if source_kind(config.url) == "synthetic" else (0, 0)
    annotate = Annotate(manifest.classes, clear=burnt_in) if drawn else None
    url = without_password(config.url)
    return StreamStages(
        name,
        url,
        source,
        decode,
        _tail(run, name, manifest.classes, annotate),
        outputs,
        live=live or config.realtime,
        status=source.status if isinstance(source, Observed) else None,
    )


def _refuse_shows(config: SourceConfig, outputs: Sequence[Output], live: bool) -> None:
    """A recording that is read as fast as it goes cannot be watched as it goes."""
    shows = [output.name for output in outputs if output.viewer]
    if shows and not live:
        raise UsageError(
            f"--output: {shows[0]} shows live video, but {without_password(config.url)} is a "
            "recording: add realtime"
        )


def _max_age(config: SourceConfig, live: bool) -> float | None:
    """Return the seconds after which a picture of the stream is left out."""
    if live:
        return LIVE_MAX_AGE if config.max_age is None else config.max_age
    if config.max_age is not None and not config.realtime:
        raise UsageError(
            f"max_age: {config.max_age:g} given, but {without_password(config.url)} is a recording "
            "and waits: leave it out, or add realtime"
        )
    return config.max_age


def _tail(
    run: RunConfig, stream: str, names: Sequence[str], annotate: Annotate | None
) -> Stage[Detected, Tracked]:
    """Return track, then what looks at tracks: analyse, annotate."""
    config = run.tracker
    tracker = None if config.name == "none" else make_tracker(config.name, **options_of(config))
    camera = CameraMotion() if config.camera_motion else None
    tail: Stage[Detected, Tracked] = Track(tracker, camera)
    watches = run.analytics.watches(stream, names)
    if watches is not None:
        tail = Chain(tail, Analyse(watches, names, run.analytics.forget_seconds))
    return Chain(tail, annotate) if annotate else tail


def _output(config: OutputConfig, stream: str, classes: Sequence[str]) -> Output:
    url = config.url.replace("{stream}", stream)
    sink = make_sink(url, classes=classes, options=options_of(config))
    return Output(sink.name, sink, viewer=sink.viewer)


def _free_name(source: SourceConfig, taken: Container[str]) -> str:
    """Return the name of a stream: as given, or from its url, made unique by a number."""
    wanted = source.name or _name_of(source.url)
    candidates = chain([wanted], (f"{wanted}-{k}" for k in count(2)))
    return next(name for name in candidates if name not in taken)


def _name_of(url: str) -> str:
    """Return the last part of a url that can name a file: no query, no ending, no wildcard."""
    shown = without_password(url).partition("?")[0]
    parts = [part for part in shown.split("/") if part and not is_glob(part)]
    stem = Path(parts[-1]).stem if parts else "stream"
    return re.sub(r"[^\w.-]+", "-", stem).strip("-.") or "stream"
