"""From a configuration to a run: the only file that knows every stage."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

from detector.acceptance.gate import open_accepted
from detector.engines import ENGINES, Engine, engine_opener
from detector.engines.auto import AUTO, choose_engine
from detector.errors import UsageError, did_you_mean
from detector.manifest import Manifest
from detector.weights.zoo import find_model
from pipeline.analytics.board import AnalyticsBoard
from pipeline.attention.attention import Attention
from pipeline.attention.shadow import Shadow
from pipeline.checked_text import filled_in
from pipeline.clips.file_footage import FileFootage
from pipeline.clips.footage import LATE_SECONDS, Footage, live_footage
from pipeline.config import (
    DetectConfig,
    ModelConfig,
    OutputConfig,
    RunConfig,
    SourceConfig,
    TrackerConfig,
    options_of,
)
from pipeline.delivery.transport import Camera
from pipeline.event_services import EventServices
from pipeline.events.record import EventKind
from pipeline.events.sink import EventSink
from pipeline.frame import Detected, Tracked
from pipeline.graph import Graph, Output, SharedStages, StreamStages
from pipeline.media.start_time import started_at
from pipeline.options import checked_options
from pipeline.packets.current_group import MAX_GROUP
from pipeline.recording.config import RecordingConfig, annotated_output
from pipeline.recording.event_segments import SETTLE_SECONDS
from pipeline.recording.stream import StreamRecording, record_stream
from pipeline.redaction import shown_url
from pipeline.run import Run
from pipeline.runtime.ledger import Ledger
from pipeline.runtime.stage import Chain, Stage
from pipeline.sinks import make_sink
from pipeline.sinks.discard import Discard
from pipeline.sinks.frame_tap import FrameTap
from pipeline.sources import Source, make_source, source_for
from pipeline.sources.file import VideoFileSource
from pipeline.stages.analyse import Analyse
from pipeline.stages.annotate import Annotate
from pipeline.stages.camera_motion import CameraMotion
from pipeline.stages.decode import Decode
from pipeline.stages.infer import Collect, Submit
from pipeline.stages.preprocess import Preprocess
from pipeline.stages.suppress import Suppress
from pipeline.stages.track import Track
from trackers import make_tracker

LIVE_MAX_AGE = 0.5  # seconds that an operator does not notice
Follow = Callable[[str], Stage[Detected, Tracked]]  # takes the name of a stream
CONFIDENCE = {"with a tracker": 0.1, "without": 0.25}  # trackers use low scores, too


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
    services = _event_services(config)
    board = AnalyticsBoard(config.analytics, manifest.classes)
    run = Run(
        Graph(
            _shared_stages(config, model, manifest, engine), ledger, more=more, services=services
        ),
        model,
        manifest,
        outputs=_written(config),
        make_stream=lambda source, name: _stream_stages(
            source, name, config, manifest, ledger, services, board, follow
        ),
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


def _event_services(config: RunConfig) -> EventServices | None:
    """Return what stores and delivers events, None if the run notes none."""
    if config.events is None:
        if config.deliver:
            raise UsageError("deliver: given, but no events are noted: add the section 'events'")
        return None
    events = config.events
    if config.tracker.name == "none" and set(events.kinds) != {EventKind.CAMERA}:
        raise UsageError(
            "events: tracker 'none' given: an event is about a track: choose a tracker, or give "
            "kinds: [camera]"
        )
    if config.sources and not any(source_for(source.url).live for source in config.sources):
        # events of an old recording would be deleted as soon as they are found
        events = events.model_copy(update={"keep_seconds": None})
    return EventServices(events, config.deliver)


def open_engine(config: RunConfig) -> Engine:
    """Open the engine of a configuration, for one run after the other; the caller closes it.

    Raises FramelaneError if the model or its engine cannot be used.
    """
    model = find_model(config.model.name, size=config.model.imgsz)
    _check_imgsz(config.model, model, Manifest.beside(model))
    name = engine_name(config.model, model)
    return open_accepted(name, model, **engine_options(name, config)).engine


def engine_name(config: ModelConfig, model: Path) -> str:
    """Return the name of the engine that runs a model: `auto` is resolved."""
    return choose_engine(model) if config.engine == AUTO else config.engine


def _shared_stages(
    config: RunConfig, model: Path, manifest: Manifest, engine: Engine | None
) -> SharedStages:
    _check_imgsz(config.model, model, manifest)
    name = engine_name(config.model, model)
    options = engine_options(name, config)
    submit = Submit(lambda: engine or open_accepted(name, model, **options).engine)
    return SharedStages(
        Preprocess(manifest.input_size),
        submit,
        Collect(),
        _suppress(config.detect, config.tracker, manifest),
        (lambda: None) if engine else submit.close_engine,
        submit.slots,
        submit.is_open,
        max_batch=manifest.max_batch if ENGINES[name].faster_in_batches else 1,
        in_flight=len(os.sched_getaffinity(0)),  # no CPU engine has more streams than cores
    )


def engine_options(name: str, config: RunConfig) -> dict[str, Any]:
    """Return the engine's options: the user's and, if it has the option, the number of streams.

    With fewer cameras than cores there is one stream per camera: each frame gets several cores and
    is ready sooner. Recordings need throughput, so the engine chooses the number itself.
    """
    options = checked_options(engine_opener(name), options_of(config.model), "model")
    cameras = [
        source for source in config.sources if source_for(source.url).live or source.realtime
    ]
    few = 0 < len(cameras) == len(config.sources) < len(os.sched_getaffinity(0))
    return {"streams": len(cameras)} | options if few and ENGINES[name].has_streams else options


def _check_imgsz(config: ModelConfig, model: Path, manifest: Manifest) -> None:
    """Raise UsageError if the user expects another input size than the model was exported for."""
    expected = config.imgsz
    if expected and expected != manifest.input_size:
        height, width = manifest.input_size
        raise UsageError(
            f"--imgsz: {expected[0]}x{expected[1]} given, but {model.name} was exported for "
            f"{height}x{width} (height x width): leave it out, or export the model at that size"
        )


def _suppress(config: DetectConfig, tracker: TrackerConfig, manifest: Manifest) -> Suppress:
    default = CONFIDENCE["without" if tracker.name == "none" else "with a tracker"]
    return Suppress(
        confidence=default if config.conf is None else config.conf,
        iou=manifest.nms_iou if config.iou is None else config.iou,
        classes=None if config.classes is None else _class_ids(config.classes, manifest.classes),
        agnostic=config.agnostic,
        max_detections=config.max_detections,
        keep_small=tracker.camera_motion,
    )


def _class_ids(wanted: Sequence[str | int], names: Sequence[str]) -> set[int]:
    """Return the numbers of classes that the user gives by name or by number."""
    numbers = {name: k for k, name in enumerate(names)} | {str(k): k for k in range(len(names))}
    for each in map(str, wanted):
        if each not in numbers:
            raise UsageError(
                f"--classes: no class '{each}' in this model{did_you_mean(each, numbers)}"
            )
    return {numbers[str(each)] for each in wanted}


def _stream_stages(
    config: SourceConfig,
    name: str,
    run: RunConfig,
    manifest: Manifest,
    ledger: Ledger,
    services: EventServices | None,
    board: AnalyticsBoard,
    follow: Follow | None,
) -> StreamStages:
    live = source_for(config.url).live
    max_age = _max_age(config, live)
    age_option = {"max_age": max_age} if live else {}
    audio = {"audio": True} if live and _wants_audio(run.recording, config) else {}
    watched = run.serve and config.realtime and source_for(config.url) is VideoFileSource
    packets = {"packets": True} if watched else {}
    options = audio | packets | options_of(config) | age_option
    source = make_source(config.address, name, options, SourceConfig.model_fields)
    decode = Decode(
        source,
        ledger,
        stride=config.stride,
        max_frames=config.max_frames,
        realtime=config.realtime and not live,
        max_age=max_age,
    )
    annotated = annotated_output(run.recording) if run.recording else None
    outputs = [
        _output(output, name, config.epoch, manifest.classes)
        for output in [
            *run.outputs,
            *([OutputConfig.model_validate(annotated)] if annotated else []),
        ]
    ]
    _refuse_viewers(config, outputs, live or config.realtime)
    if services:
        outputs.append(_events_output(config, name, run, source, manifest.classes, services))
    if run.serve:
        if source.tap:
            source.tap.keep_group(MAX_GROUP)
        page = FrameTap()
        outputs.append(Output(page.name, page, viewer=live))
    if not outputs:
        discard = Discard()
        outputs.append(Output(discard.name, discard))
    drawn = any(output.sink.needs_drawing for output in outputs)
    annotate = Annotate(manifest.classes, clear=source.reserved_corner) if drawn else None
    url = shown_url(config.url)
    attention = _attention(config, run, name, live or config.realtime)
    shadow = _shadow(config, run, attention)
    return StreamStages(
        name,
        url,
        source,
        decode,
        _tail(run, name, manifest.classes, annotate, board, attention, shadow, follow),
        outputs,
        live=live or config.realtime,
        status=source.status,
        attention=attention,
        shadow=shadow,
        recording=_recording(run.recording, config, name, source, services),
    )


def _attention(source: SourceConfig, run: RunConfig, name: str, live: bool) -> Attention | None:
    """Return what decides which frames of a stream are looked at, None if all are."""
    config = source.attention or run.attention
    if config.mode == "off":
        return None
    if run.tracker.name == "none":
        raise UsageError(
            "attention: on given, but there is no tracker to predict where objects are while the "
            "engine rests: choose a tracker, or give attention: off"
        )
    return Attention(config, waits=not live, seed=crc32(name.encode()))


def _shadow(source: SourceConfig, run: RunConfig, attention: Attention | None) -> Shadow | None:
    """Return what notes what attention would miss, None if it is not asked."""
    if attention is None or (source.attention or run.attention).mode != "shadow":
        return None
    return Shadow(attention, make_tracker(run.tracker.name, **options_of(run.tracker)))


def _wants_audio(recording: RecordingConfig | None, source: SourceConfig) -> bool:
    """Return whether the audio of the stream's own connection is recorded."""
    if recording is None or recording.mode == "annotated" or source.record_url:
        return False
    return recording.audio


def _recording(
    config: RecordingConfig | None,
    source: SourceConfig,
    name: str,
    made: Source,
    services: EventServices | None,
) -> StreamRecording | None:
    """Return the recording of a stream by copying, None if there is none."""
    if config is None or config.mode == "annotated":
        if source.record_url:
            raise UsageError(
                "record_url: given, but nothing is recorded by copying: add the section "
                "'recording' with mode copy, or leave it out"
            )
        return None
    if source.record_url and not made.live:
        raise UsageError(
            f"record_url: belongs to a camera, but {shown_url(source.url)} is a recording: "
            "leave it out"
        )
    if config.mode == "events" and not services:
        raise UsageError("recording.mode: events given, but there is no section 'events'")
    noted_after = services.config.filters(name).min_seconds if services else 0.0
    return record_stream(
        config,
        name,
        made,
        record_url=source.record_address,
        options=options_of(source),
        epoch=source.epoch,
        spans=services.spans(name) if services else None,
        settle_seconds=SETTLE_SECONDS + noted_after,
    )


def _events_output(
    config: SourceConfig,
    name: str,
    run: RunConfig,
    source: Source,
    classes: Sequence[str],
    services: EventServices,
) -> Output:
    """Return the sink that notes the events of a stream."""
    wanted = services.config.filters(name).classes or classes
    mine = [
        [shape.name for shape in shapes if shape.streams is None or name in shape.streams]
        for shapes in (run.analytics.zones, run.analytics.lines)
    ]
    camera = Camera(name, tuple(wanted), tuple(mine[0]), tuple(mine[1]))
    services.camera_added(camera, _footage(config, name, source, services), classes)
    sink = EventSink(
        name,
        classes,
        services.config,
        services,
        observer=services,
        status=source.status,
        started_at=lambda: None if "://" in config.url else started_at(Path(config.url)),
    )
    return Output(sink.name, sink)


def _footage(
    config: SourceConfig, name: str, source: Source, services: EventServices
) -> Footage | None:
    """Return what clips of a stream are cut from, None if it has no packets of video."""
    clips = services.config.clips
    if clips is None:
        return None
    if source.live or source.tap:  # a recording that is watched may be a loop
        late_seconds = LATE_SECONDS + services.config.filters(name).min_seconds
        return live_footage(source.tap, clips.pre_seconds, late_seconds) if source.tap else None
    return FileFootage(config.address) if isinstance(source, VideoFileSource) else None


def _refuse_viewers(config: SourceConfig, outputs: Sequence[Output], live: bool) -> None:
    """Raise UsageError if a viewer would show a recording, which is read as fast as possible."""
    viewers = [output.name for output in outputs if output.viewer]
    if viewers and not live:
        raise UsageError(
            f"--output: {viewers[0]} shows live video, but {shown_url(config.url)} is a "
            "recording: add realtime"
        )


def _max_age(config: SourceConfig, live: bool) -> float | None:
    """Return the seconds after which a frame of the stream is dropped; None for never."""
    if live:
        return LIVE_MAX_AGE if config.max_age is None else config.max_age
    if config.max_age is not None and not config.realtime:
        raise UsageError(
            f"max_age: {config.max_age:g} given, but {shown_url(config.url)} is a "
            "recording, which does not expire: leave it out, or add realtime"
        )
    return config.max_age


def _tail(
    run: RunConfig,
    stream: str,
    names: Sequence[str],
    annotate: Annotate | None,
    board: AnalyticsBoard,
    attention: Attention | None,
    shadow: Shadow | None,
    follow: Follow | None,
) -> Stage[Detected, Tracked]:
    """Return the stages on the stream's own thread: track, and if configured analyse, annotate."""
    config = run.tracker
    tracker = None if config.name == "none" else make_tracker(config.name, **options_of(config))
    camera = CameraMotion() if config.camera_motion else None
    tail: Stage[Detected, Tracked] = (
        follow(stream) if follow else Track(tracker, camera, None if shadow else attention, shadow)
    )
    if run.serve or board.watches(stream, board.posted.config):
        tail = Chain(tail, Analyse(board, stream, names))
    return Chain(tail, annotate) if annotate else tail


def _output(config: OutputConfig, stream: str, epoch: int, classes: Sequence[str]) -> Output:
    url = filled_in(config.address, stream, epoch)
    sink = make_sink(url, classes=classes, options=options_of(config))
    return Output(sink.name, sink, viewer=sink.viewer)
