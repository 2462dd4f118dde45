"""The run of a configuration."""

from __future__ import annotations

from detector.engines import Engine
from detector.errors import UsageError
from detector.manifest import Manifest
from detector.weights.zoo import find_model
from pipeline.analytics.board import AnalyticsBoard
from pipeline.assembly.engine import frames_gpu, shared_stages
from pipeline.assembly.events import event_services
from pipeline.assembly.stream import Follow, StreamMaker
from pipeline.config import RunConfig
from pipeline.graph import Graph
from pipeline.run import Run
from pipeline.runtime.ledger import Ledger


def build(
    config: RunConfig,
    *,
    more: bool = False,
    engine: Engine | None = None,
    follow: Follow | None = None,
) -> Run:
    """Return the run that `config` describes; nothing is opened and no thread is started yet.

    more: the run goes on when no stream is left, so that others can be added, until it is stopped
    engine: an open one of `open_engine`, which stays open; None: the run opens one and closes it
    follow: makes what gives a stream's detections identities; None: the tracker does
    Raises UsageError for mistakes that can be found before anything is opened.
    """
    if config.tracker.refine and follow is None:
        raise UsageError(
            "tracker.refine: given, but only `framelane run` and `framelane annotate` read a "
            "recording twice: leave it out"
        )
    if not (config.outputs or config.serve or follow):
        raise UsageError("outputs: none given: give at least one, or `serve`")
    model = find_model(config.model.name, size=config.model.imgsz)
    manifest = Manifest.beside(model)
    ledger = Ledger()
    services = event_services(config)
    board = AnalyticsBoard(config.analytics, manifest.classes)
    gpu = frames_gpu(config, model, engine)
    shared = shared_stages(config, model, manifest, engine, gpu)
    streams = StreamMaker(config, manifest.classes, ledger, board, services, follow, gpu)
    run = Run(
        Graph(shared, ledger, more=more, services=services),
        model,
        manifest,
        outputs=_written(config),
        make_stream=streams.stages,
        analytics=board,
        events=services,
    )
    for source in config.sources:
        run.add(source)
    names = None if more else [stream.name for stream in run.streams]  # others may be added
    if names is not None:
        config.analytics.check_streams(names)
    if config.events:
        zones = [zone.name for zone in config.analytics.zones]
        config.events.check(manifest.classes, zones, streams=names)
    return run


def _written(config: RunConfig) -> list[str]:
    """Return the URLs of all that is written for each stream."""
    recording = [config.recording.url] if config.recording else []
    return [*(output.url for output in config.outputs), *recording]
