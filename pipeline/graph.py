"""Stages joined by channels: which, their capacity, and the reason for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from threading import Condition, Lock
from typing import Protocol, TypeVar

from detector.errors import FramelaneError
from pipeline.attention.attention import Attention
from pipeline.attention.shadow import Shadow
from pipeline.connections.status import Status
from pipeline.frames.batch import Batch, Inferred, InFlight, Ready
from pipeline.frames.frame import Frame
from pipeline.frames.item import Item
from pipeline.frames.result import Detected, Tracked
from pipeline.recording.stream import StreamRecording
from pipeline.runtime.channel import Channel, Overflow
from pipeline.runtime.ledger import Ledger
from pipeline.runtime.outboxes import FanOut, LaneOutbox, LedgerOutbox, Router
from pipeline.runtime.round_robin import RoundRobinInbox
from pipeline.runtime.runner import Pipeline, Worker
from pipeline.runtime.stage import Chain, Probe, Stage
from pipeline.runtime.stats import Histogram
from pipeline.runtime.stream_lane import StreamLane
from pipeline.sinks import Sink
from pipeline.sources import Source
from pipeline.sources.inbox import SourceInbox
from pipeline.stages.attend import Attend
from pipeline.stages.decode import Decode

SomeItem = TypeVar("SomeItem", bound=Item)

DECODED = 3  # frames: one being letterboxed, one ready, one being decoded; more only adds latency
NEWEST = 1  # frame of a live stream; if the engine is late, each more adds an interval of latency
BATCHES = 2  # the engine's next one, and one being made
CANDIDATES = 2  # suppression is much faster than the engine: more would never fill
CREDIT = 6  # frames of a stream between preprocess and its sinks, besides those at the engine
RESTS = 16  # frames that wait behind a look under way: half a second of most cameras
END_SECONDS = 60.0  # to wait for the end of one stream: longer than the time-outs of most cameras
SINK = 4  # frames: encoding a keyframe takes several times the average


@dataclass(frozen=True, eq=False)
class SharedStages:
    """The stages that all streams share, and the functions that the engine adds.

    close_engine: releases the engine
    slots: returns how many batches the engine can hold; 1 before it is open
    engine_is_open: returns whether the engine is open
    max_batch: frames per batch
    in_flight: how many batches may wait for their results; the engine's slots are the true limit
    """

    preprocess: Stage[Ready, Batch]
    submit: Stage[Batch, InFlight]
    collect: Stage[InFlight, Inferred]
    suppress: Stage[Inferred, Detected]
    close_engine: Callable[[], None]
    slots: Callable[[], int]
    engine_is_open: Callable[[], bool]
    max_batch: int = 1
    in_flight: int = 2


@dataclass(frozen=True, eq=False)
class Output:
    """A sink and its name, unique in its stream; a viewer drops frames instead of blocking."""

    name: str
    sink: Sink
    viewer: bool = False


@dataclass(frozen=True, eq=False)
class StreamStages:
    """The stages of one stream: those before the shared ones, and those after them.

    url: credentials removed
    live: the source does not wait for us
    status: of the source's connection, None if it has none
    recording: by copying the packets of the source; None if there is none
    extra: workers that take no frames
    attention: decides which frames the engine looks at; None: it looks at every frame
    shadow: notes what `attention` would miss, while the engine looks at every frame all the same
    """

    name: str
    url: str
    source: Source
    decode: Decode
    track: Stage[Detected, Tracked]
    outputs: Sequence[Output]
    live: bool = False
    status: Status | None = None
    recording: StreamRecording | None = None
    extra: Sequence[Worker] = ()
    attention: Attention | None = None
    shadow: Shadow | None = None

    def stop(self) -> None:
        """Ask the sources for an early end."""
        self.source.stop()
        if self.recording:
            self.recording.stop()


class Service(Protocol):
    """Something that the streams of a run use, from its start to its end."""

    def open(self) -> None:
        """Begin. Raises FramelaneError; then the run does not start."""

    def close(self) -> None:
        """End, within seconds."""


class Graph:
    """The shared stages, joined with streams that may be added and removed during the run.

    more: the run goes on when no stream is left, so that others can be added, until it is stopped
    services: opened before the first thread starts, and closed after the last one has ended
    """

    def __init__(
        self,
        shared: SharedStages,
        ledger: Ledger,
        *,
        more: bool = False,
        services: Service | None = None,
    ) -> None:
        self.engine_is_open = shared.engine_is_open
        self._ledger = ledger
        self._changed = Condition()
        self._credit = CREDIT + shared.in_flight
        self._inbox = RoundRobinInbox(
            shared.max_batch, self._changed, slots=shared.slots, more=more
        )
        self._router = Router()
        self._streams: dict[str, _Joined] = {}
        self._lock = Lock()  # guards the table of streams
        self.pipeline = Pipeline(
            _shared_workers(shared, self._inbox, self._router, ledger),
            ledger,
            stop_sources=self._stop_sources,
            starters=[services.open] if services else [],
            finalizers=[shared.close_engine, *([services.close] if services else [])],
        )

    @property
    def streams(self) -> list[StreamStages]:
        """The current streams, in the order in which they were added."""
        with self._lock:
            return [joined.stages for joined in self._streams.values()]

    @property
    def lane_count(self) -> int:
        """How many lanes the inbox and the router hold: two for each current stream."""
        return len(self._inbox) + len(self._router)

    def add(self, stream: StreamStages) -> None:
        """Join a stream under a new name; it starts at once if the run has started.

        Raises FramelaneError if the run is ending, or has no threads for it.
        """
        lane = self._lane(stream)
        workers = _stream_workers(stream, lane, self._ledger)
        with self._lock:
            assert stream.name not in self._streams, stream.name
            self._router.add(lane)
            self._inbox.add(lane)
            try:
                self.pipeline.add(workers)
            except FramelaneError:
                self._inbox.forget(lane)
                self._router.forget(lane)
                raise
            self._streams[stream.name] = _Joined(stream, lane, workers)

    def end(self, name: str) -> StreamStages:
        """Stop the source of a stream, and wait until all of its frames are written.

        The wait for a silent camera lasts up to its time-out. Raises FramelaneError if the stream
        does not end.
        """
        with self._lock:
            joined = self._streams[name]
        joined.stages.stop()
        if not self.pipeline.wait_for(joined.workers, END_SECONDS):
            raise FramelaneError(
                f"stream '{name}' has not ended after {END_SECONDS:.0f} s: its camera or an output "
                "does not answer; try again later, or end the run"
            )
        return joined.stages

    def forget(self, name: str) -> None:
        """Remove a stream that has ended, once none of its frames is in the shared stages."""
        with self._lock:
            joined = self._streams.pop(name)
        self._inbox.forget(joined.lane)
        self._router.forget(joined.lane)
        self.pipeline.forget(joined.workers)
        for worker in self.pipeline.workers:
            worker.probe.ages.pop(name, None)

    def _lane(self, stream: StreamStages) -> StreamLane:
        capacity, overflow = (
            (NEWEST, Overflow.DROP_OLDEST) if stream.live else (DECODED, Overflow.BLOCK)
        )
        decoded: Channel[Frame] = _channel(
            f"{stream.name}/decoded",
            capacity,
            self._ledger,
            overflow=overflow,
            changed=self._changed,
            queued=self._inbox.stats.queued,
        )
        credit = self._credit + (RESTS if stream.attention else 0)
        tail: Channel[Detected] = _channel(f"{stream.name}/detected", credit, self._ledger)
        return StreamLane(stream.name, decoded, tail, self._changed)

    def _stop_sources(self) -> None:
        self._inbox.no_more()
        with ExitStack() as steps:  # each source is stopped although one cannot be
            for stream in self.streams:
                steps.callback(stream.stop)


@dataclass(frozen=True, eq=False)
class _Joined:
    """A stream that is part of a graph, with its lane and threads."""

    stages: StreamStages
    lane: StreamLane
    workers: Sequence[Worker]


def _shared_workers(
    shared: SharedStages, ready: RoundRobinInbox, router: Router, ledger: Ledger
) -> list[Worker]:
    batches: Channel[Batch] = _channel("batches", BATCHES, ledger)
    in_flight: Channel[InFlight] = Channel(
        "in flight", shared.in_flight, on_discard=lambda item: _abandon(item, ledger)
    )
    inferred: Channel[Inferred] = _channel("inferred", CANDIDATES, ledger)
    return [
        Worker("preprocess", shared.preprocess, ready, batches),
        Worker("submit", shared.submit, batches, in_flight),
        Worker("collect", shared.collect, in_flight, inferred),
        Worker("suppress", shared.suppress, inferred, router),
    ]


def _stream_workers(stream: StreamStages, lane: StreamLane, ledger: Ledger) -> list[Worker]:
    name = stream.name
    sinks = [_sink_channel(name, output, ledger) for output in stream.outputs]
    fan = FanOut(lane, sinks, ledger, tolerant=stream.live)
    attention = stream.attention
    shadow = stream.shadow is not None
    decode = Chain(stream.decode, Attend(attention, shadow=shadow)) if attention else stream.decode
    decoded = LaneOutbox(lane) if attention and not shadow else lane.decoded
    reads = Probe(reads=True)
    return [
        Worker(f"{name}/decode", decode, SourceInbox(stream.source), decoded, name, reads),
        Worker(f"{name}/track", stream.track, lane, fan, name),
        *(
            Worker(channel.name, output.sink, channel, LedgerOutbox(ledger, channel.name), name)
            for output, channel in zip(stream.outputs, sinks, strict=True)
        ),
        *(stream.recording.workers if stream.recording else ()),
        *stream.extra,
    ]


def _sink_channel(stream: str, output: Output, ledger: Ledger) -> Channel[Tracked]:
    overflow = Overflow.DROP_OLDEST if output.viewer else Overflow.BLOCK
    return _channel(f"{stream}/{output.name}", SINK, ledger, overflow=overflow)


def _channel(
    name: str,
    capacity: int,
    ledger: Ledger,
    *,
    overflow: Overflow = Overflow.BLOCK,
    changed: Condition | None = None,
    queued: Histogram | None = None,
) -> Channel[SomeItem]:
    """Return a channel that reports to the ledger every item that is lost in it."""
    return Channel(
        name,
        capacity,
        overflow,
        on_drop=lambda item: ledger.dropped(item, name, "overflow"),
        on_discard=lambda item: ledger.failed(item, name, "cancelled"),
        on_expire=lambda item: ledger.dropped(item, name, "max_age"),
        changed=changed,
        queued=queued,
    )


def _abandon(item: InFlight, ledger: Ledger) -> None:
    """Free the engine slot of a batch that will not be collected: `submit` may wait for it."""
    ledger.failed(item, "in flight", "cancelled")
    with suppress(FramelaneError):  # the run has failed, and reports its first cause
        item.pending.result()
