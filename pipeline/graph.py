"""Stages joined by channels: which, how large, and why so large."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Condition, Lock
from typing import TypeVar

from detector.errors import FramelaneError
from pipeline.connections.status import Status
from pipeline.frame import (
    Batch,
    Detected,
    Frame,
    Inferred,
    InFlight,
    Item,
    Ready,
    Tracked,
)
from pipeline.runtime.channel import Channel, Overflow
from pipeline.runtime.ledger import Ledger
from pipeline.runtime.outboxes import FanOut, LedgerOutbox, Router
from pipeline.runtime.runner import Pipeline, Worker
from pipeline.runtime.stage import Probe, Stage
from pipeline.runtime.stats import ChannelStats
from pipeline.runtime.stream_lane import RoundRobinInbox, StreamLane
from pipeline.sinks import Sink
from pipeline.sources import Decoded, Skipped, Source
from pipeline.stages.decode import Decode

SomeItem = TypeVar("SomeItem", bound=Item)

DECODED = 3  # frames: one being letterboxed, one ready, one being decoded; more is only latency
NEWEST = 1  # frame of a live stream: where the engine is late, each more is an interval of latency
BATCHES = 2  # one that the engine takes next, one being made
CANDIDATES = 2  # suppression is much faster than the engine: more would never fill
CREDIT = 6  # frames of a stream between preprocess and its sinks, beside those at the engine
SINK = 4  # frames: an encoder's key frame costs several times its average


@dataclass(frozen=True, eq=False)
class SharedStages:
    """The stops that all streams share, and the engine's end.

    slots: returns how many batches the engine can hold, 1 before it is open
    in_flight: how many batches may wait for their results; the engine's slots are the true limit
    """

    preprocess: Stage[Ready, Batch]
    submit: Stage[Batch, InFlight]
    collect: Stage[InFlight, Inferred]
    suppress: Stage[Inferred, Detected]
    close_engine: Callable[[], None]
    slots: Callable[[], int]
    max_batch: int = 1
    in_flight: int = 2


@dataclass(frozen=True, eq=False)
class Output:
    """A sink under a name that no other of its stream has; a viewer is never waited for."""

    name: str
    sink: Sink
    viewer: bool = False


@dataclass(frozen=True, eq=False)
class StreamStages:
    """The stops of one stream: before the shared ones, and behind them.

    url: as it may be shown, credentials removed
    live: it does not wait for us; status: what it is doing, where that can change
    """

    name: str
    url: str
    source: Source
    decode: Decode
    track: Stage[Detected, Tracked]
    outputs: Sequence[Output]
    live: bool = False
    status: Status | None = None


class SourceInbox:
    """A source as an inbox: the decode stage opens and closes it, the runner may stop it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.stats = ChannelStats()  # stays empty: reading is work, not waiting

    def __iter__(self) -> Iterator[Decoded | Skipped]:
        """Read to the end."""
        return iter(self._source)

    def cancel(self) -> None:
        """Read no further."""
        self._source.stop()


class Graph:
    """The stops that all streams share, and the streams, which may come and go.

    more: the run goes on without a stream, until it is stopped: others may come
    """

    def __init__(self, shared: SharedStages, ledger: Ledger, *, more: bool = False) -> None:
        self._ledger = ledger
        self._changed = Condition()
        self._credit = CREDIT + shared.in_flight
        self._inbox = RoundRobinInbox(
            shared.max_batch, self._changed, slots=shared.slots, more=more
        )
        self._router = Router()
        self._streams: dict[str, _Joined] = {}
        self._lock = Lock()  # of the table of streams
        self.pipeline = Pipeline(
            _shared_workers(shared, self._inbox, self._router, ledger),
            ledger,
            stop_sources=self._stop_sources,
            finalizers=[shared.close_engine],
        )

    @property
    def streams(self) -> list[StreamStages]:
        """The streams that are there now, in the order in which they came."""
        with self._lock:
            return [joined.stages for joined in self._streams.values()]

    def add(self, stream: StreamStages) -> None:
        """Join a stream, whose name no other has; it begins at once if the run has begun.

        Raises FramelaneError where the run is ending.
        """
        lane = _lane(stream, self._credit, self._ledger, self._changed)
        workers = _stream_workers(stream, lane, self._ledger)
        with self._lock:
            assert stream.name not in self._streams, stream.name
            self._router.add(lane)
            self._inbox.add(lane)
            try:
                self.pipeline.add(workers)
            except FramelaneError:
                self._inbox.forget(lane)
                raise
            self._streams[stream.name] = _Joined(stream, lane, workers)

    def end(self, name: str) -> StreamStages:
        """End a stream well, and wait until all of it is written.

        A camera that is silent is waited for up to its time-out.
        """
        with self._lock:
            joined = self._streams[name]
        joined.stages.source.stop()
        self.pipeline.wait_for(joined.workers)
        return joined.stages

    def forget(self, name: str) -> None:
        """Let go of a stream that has ended, once none of its frames is under way."""
        with self._lock:
            joined = self._streams.pop(name)
        self._inbox.forget(joined.lane)
        self._router.forget(joined.lane)
        self.pipeline.forget(joined.workers)
        for worker in self.pipeline.workers:
            worker.probe.ages.pop(name, None)

    def _stop_sources(self) -> None:
        self._inbox.no_more()
        for stream in self.streams:
            stream.source.stop()


@dataclass(frozen=True, eq=False)
class _Joined:
    """A stream that is part of a graph."""

    stages: StreamStages
    lane: StreamLane
    workers: Sequence[Worker]


def connect(shared: SharedStages, streams: Sequence[StreamStages], ledger: Ledger) -> Pipeline:
    """Return the pipeline of these stages, ready to run."""
    graph = Graph(shared, ledger)
    for stream in streams:
        graph.add(stream)
    return graph.pipeline


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
    return [
        Worker(
            f"{name}/decode",
            stream.decode,
            SourceInbox(stream.source),
            lane.decoded,
            name,
            Probe(reads=True),
        ),
        Worker(f"{name}/track", stream.track, lane, fan, name),
        *(
            Worker(channel.name, output.sink, channel, LedgerOutbox(ledger, channel.name), name)
            for output, channel in zip(stream.outputs, sinks, strict=True)
        ),
    ]


def _lane(stream: StreamStages, credit: int, ledger: Ledger, changed: Condition) -> StreamLane:
    room, overflow = (NEWEST, Overflow.DROP_OLDEST) if stream.live else (DECODED, Overflow.BLOCK)
    decoded: Channel[Frame] = _channel(
        f"{stream.name}/decoded", room, ledger, overflow=overflow, changed=changed
    )
    tail: Channel[Detected] = _channel(f"{stream.name}/detected", credit, ledger)
    return StreamLane(stream.name, decoded, tail, changed)


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
) -> Channel[SomeItem]:
    """Return a channel that tells the ledger of whatever is lost in it."""
    return Channel(
        name,
        capacity,
        overflow,
        on_drop=lambda item: ledger.dropped(item, name, "overflow"),
        on_discard=lambda item: ledger.failed(item, name, "cancelled"),
        on_expire=lambda item: ledger.dropped(item, name, "max_age"),
        changed=changed,
    )


def _abandon(item: InFlight, ledger: Ledger) -> None:
    """Free the engine's slot of a batch that nobody will collect: a submitter may wait for it."""
    ledger.failed(item, "in flight", "cancelled")
    with suppress(FramelaneError):  # the run is over; its first cause is what will be reported
        item.pending.result()
