"""The stages of one stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from zlib import crc32

from detector.errors import UsageError
from pipeline.analytics.board import AnalyticsBoard
from pipeline.assembly.events import events_output
from pipeline.assembly.outputs import configured_outputs
from pipeline.assembly.recording import stream_recording, wants_audio
from pipeline.attention.attention import Attention
from pipeline.attention.shadow import Shadow
from pipeline.config import RunConfig, SourceConfig, options_of
from pipeline.event_services import EventServices
from pipeline.frames.result import Detected, Tracked
from pipeline.graph import Output, StreamStages
from pipeline.packets.current_group import MAX_GROUP
from pipeline.redaction import shown_url
from pipeline.runtime.ledger import Ledger
from pipeline.runtime.stage import Chain, Stage
from pipeline.sinks.discard import Discard
from pipeline.sinks.frame_tap import FrameTap
from pipeline.sources import Source, make_source, source_for
from pipeline.sources.file import VideoFileSource
from pipeline.stages.analyse import Analyse
from pipeline.stages.annotate import Annotate
from pipeline.stages.camera_motion import CameraMotion
from pipeline.stages.decode import Decode
from pipeline.stages.track import Track
from trackers import make_tracker

LIVE_MAX_AGE = 0.5  # seconds that an operator does not notice
Follow = Callable[[str], Stage[Detected, Tracked]]  # takes the name of a stream


@dataclass(frozen=True, eq=False)
class StreamMaker:
    """Makes the stages of the streams of a run.

    classes: names, of the model
    services: of the events, None if none are noted
    follow: makes what gives a stream's detections identities; None: the tracker does
    gpu: the GPU on which decoders leave frames; None: all come to the host
    """

    run: RunConfig
    classes: Sequence[str]
    ledger: Ledger
    board: AnalyticsBoard
    services: EventServices | None
    follow: Follow | None
    gpu: int | None = None

    def stages(self, config: SourceConfig, name: str) -> StreamStages:
        """Return the stages of a source under a name; nothing is opened.

        Raises UsageError for mistakes in the configuration.
        """
        live = source_for(config.url).live or config.realtime
        source, decode = self._beginning(config, name)
        outputs = self._outputs(config, name, source, live=live)
        attention, shadow = self._attention(config, name, source)
        drawn = any(output.sink.needs_drawing for output in outputs)
        annotate = Annotate(self.classes, clear=source.reserved_corner) if drawn else None
        return StreamStages(
            name,
            shown_url(config.url),
            source,
            decode,
            self._tail(name, annotate, attention, shadow),
            outputs,
            live=live,
            status=source.status,
            attention=attention,
            shadow=shadow,
            recording=stream_recording(self.run.recording, config, name, source, self.services),
        )

    def _beginning(self, config: SourceConfig, name: str) -> tuple[Source, Decode]:
        """Return the source of a stream, and what decodes it."""
        kind = source_for(config.url)
        max_age = _max_age(config, kind.live)
        audio = kind.live and wants_audio(self.run.recording, config)
        watched = self.run.serve and config.realtime and kind is VideoFileSource
        options = (
            ({"audio": True} if audio else {})
            | ({"packets": True} if watched else {})
            | options_of(config)
            | ({"max_age": max_age} if kind.live else {})
        )
        source = make_source(config.address, name, options, SourceConfig.model_fields)
        if source.decoder:
            source.decoder.gpu = self.gpu
        decode = Decode(
            source,
            self.ledger,
            stride=config.stride,
            max_frames=config.max_frames,
            realtime=config.realtime and not kind.live,
            max_age=max_age,
        )
        return source, decode

    def _outputs(
        self, config: SourceConfig, name: str, source: Source, *, live: bool
    ) -> list[Output]:
        run, services = self.run, self.services
        outputs = configured_outputs(run, config, name, self.classes, live=live)
        if services:
            outputs.append(
                events_output(config, name, run.analytics, source, self.classes, services)
            )
        if run.serve:
            if source.tap:
                source.tap.keep_group(MAX_GROUP)
            page = FrameTap()
            outputs.append(Output(page.name, page, viewer=source.live))
        if not outputs:
            discard = Discard()
            outputs.append(Output(discard.name, discard))
        return outputs

    def _attention(
        self, config: SourceConfig, name: str, source: Source
    ) -> tuple[Attention | None, Shadow | None]:
        """Return what decides which frames are looked at, None if all are; and its shadow."""
        wanted, tracker = config.attention or self.run.attention, self.run.tracker
        tracks = tracker.name != "none"
        mode = wanted.mode
        if mode == "auto":
            mode = "on" if source.live and tracks else "off"
        if mode == "off":
            return None, None
        if not tracks:
            raise UsageError(
                f"attention: {mode} given, but there is no tracker to predict where objects are "
                "while the engine rests: choose a tracker, or give attention: off"
            )
        waits = not (source.live or config.realtime)
        attention = Attention(wanted, waits=waits, seed=crc32(name.encode()))
        if mode == "on":
            return attention, None
        return attention, Shadow(attention, make_tracker(tracker.name, **options_of(tracker)))

    def _tail(
        self,
        stream: str,
        annotate: Annotate | None,
        attention: Attention | None,
        shadow: Shadow | None,
    ) -> Stage[Detected, Tracked]:
        """Return the stages on the stream's own thread: track; if configured analyse, annotate."""
        tail = self.follow(stream) if self.follow else self._track(attention, shadow)
        if self.run.serve or self.board.watches(stream, self.board.posted.config):
            tail = Chain(tail, Analyse(self.board, stream, self.classes))
        return Chain(tail, annotate) if annotate else tail

    def _track(self, attention: Attention | None, shadow: Shadow | None) -> Track:
        config = self.run.tracker
        tracker = None if config.name == "none" else make_tracker(config.name, **options_of(config))
        camera = CameraMotion() if config.camera_motion else None
        return Track(tracker, camera, None if shadow else attention, shadow)


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
