"""Runs of counted pictures through fake stages, with injected failures and stalls."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from random import Random
from threading import Event

import numpy as np

from detector.candidates import Candidates
from detector.detections import Detections
from detector.errors import FramelaneError
from detector.letterbox import Letterbox
from pipeline.attention.attention import Attention
from pipeline.attention.config import AttentionConfig
from pipeline.frames.batch import Batch, Inferred, InFlight, Ready
from pipeline.frames.fate import Ticket
from pipeline.frames.item import tickets_of
from pipeline.frames.picture import Picture
from pipeline.frames.result import Detected, Tracked
from pipeline.frames.stream import Stream
from pipeline.graph import Graph, Output, SharedStages, StreamStages
from pipeline.runtime.ledger import Ledger
from pipeline.runtime.runner import Pipeline
from pipeline.runtime.stage import Chain, Stage
from pipeline.sinks import Sink
from pipeline.sources import Decoded, Source
from pipeline.stages.decode import Decode
from pipeline.stages.track import Track
from trackers import make_tracker
from trackers.tracks import Tracks

CAP = 60  # seconds: the longest that a run may take
PICTURE = Picture.of(np.zeros((2, 2, 3), np.uint8))
LETTERBOX = Letterbox.fit(source=(2, 2), size=(2, 2))
OFTEN = AttentionConfig(mode="on", max_rest_seconds=0.2)  # looks at every third frame or so
SLOTS = 2  # of the engine
NEVER = Event()  # never set: waiting for it with a time-out is a stall


class Injected(FramelaneError):
    """A failure that a test injected."""


@dataclass
class Faults:
    """Which stage fails at which item, and how often a stage stalls."""

    fails: dict[str, int] = field(default_factory=dict)
    stalls: float = 0.0
    random: Random = field(default_factory=lambda: Random(0))

    def at(self, stage: str, item: int) -> None:
        """Stall or fail here if configured so."""
        if self.random.random() < self.stalls:
            NEVER.wait(self.random.random() * 0.004)
        if self.fails.get(stage) == item:
            raise Injected(f"{stage} failed at {item}")


@dataclass
class Gate(Faults):
    """A stall that lasts until the test ends it."""

    opened: Event = field(default_factory=Event)

    def at(self, stage: str, item: int) -> None:
        self.opened.wait(CAP)


@dataclass
class EngineGate(Gate):
    """No results from the engine until the test allows it; its first frames come one by one."""

    taken: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def at(self, stage: str, item: int) -> None:
        if stage == "preprocess":
            self.taken.release()
        if stage == "decode" and item in range(2, 2 * SLOTS + 1, 2):  # stride 2
            assert self.taken.acquire(timeout=CAP)
        if stage == "collect":
            super().at(stage, item)


class CountedPictures(Source):
    """A source of `count` pictures."""

    def __init__(self, name: str, count: int, injected: Faults) -> None:
        self.name, self.count, self.injected = name, count, injected
        self.stopped = Event()
        self.damage: list[str] = []  # set by tests

    @property
    def faults(self) -> list[str]:
        return self.damage

    def open(self) -> Stream:
        self.injected.at("open", 0)
        return Stream(self.name, self.name, Fraction(1, 25))

    def __iter__(self) -> Iterator[Decoded]:
        for pts in range(self.count):
            if self.stopped.is_set():
                return
            self.injected.at("decode", pts)
            yield Decoded(pts, Fraction(1, 25), 0.0, PICTURE)

    def stop(self) -> None:
        self.stopped.set()

    def close(self) -> None:
        pass


class FakePending:
    """A batch that occupies one of the engine's slots until its result is taken."""

    def __init__(self, slots: threading.Semaphore, count: int) -> None:
        self.slots, self.count = slots, count

    def result(self) -> Candidates:
        self.slots.release()
        return Candidates(
            np.zeros((self.count, 1, 4), np.float32), np.zeros((self.count, 1, 1), np.float32)
        )


class Shared:
    """The shared stages and their engine; each stage may fail."""

    def __init__(self, faults: Faults, slots: int) -> None:
        self.faults = faults
        self.slots = threading.Semaphore(slots)
        self.closed = 0

    def close_engine(self) -> None:
        self.closed += 1

    def stages(self, max_batch: int) -> SharedStages:
        return SharedStages(
            preprocess=Apply(self.faults, "preprocess", self._batch),
            submit=Apply(self.faults, "submit", self._submit),
            collect=Apply(self.faults, "collect", self._collect),
            suppress=Apply(self.faults, "suppress", self._suppress),
            close_engine=self.close_engine,
            slots=lambda: SLOTS,
            engine_is_open=lambda: not self.closed,
            max_batch=max_batch,
        )

    def _batch(self, item: Ready) -> list[Batch]:
        n = len(item.frames)
        return [Batch(item.frames, (LETTERBOX,) * n, np.zeros((n, 2, 2, 3), np.uint8))]

    def _submit(self, item: Batch) -> list[InFlight]:
        assert self.slots.acquire(timeout=CAP), "no slot became free"
        return [InFlight(item, FakePending(self.slots, len(item.frames)))]

    def _collect(self, item: InFlight) -> list[Inferred]:
        return [Inferred(item.batch, item.pending.result())]

    def _suppress(self, item: Inferred) -> list[Detected]:
        return [Detected(frame, Detections.empty()) for frame in item.batch.frames]


class Apply(Stage):  # type: ignore[type-arg]
    """A stage made of one function."""

    def __init__(self, faults: Faults, name: str, function: object) -> None:
        self.faults, self.name, self.function, self.count = faults, name, function, 0

    def process(self, item: object) -> Iterable[object]:
        self.faults.at(self.name, self.count)
        self.count += 1
        return self.function(item)  # type: ignore[operator, no-any-return]


class Recorder(Sink):
    """A sink that writes frames with a delay, as an encoder does."""

    def __init__(self, faults: Faults, delay: int) -> None:
        self.faults, self.delay = faults, delay
        self.held: list[Ticket] = []
        self.emitted: list[Ticket] = []
        self.complete = False
        self.count = 0

    def process(self, item: Tracked) -> Iterable[Ticket]:
        self.faults.at("sink", self.count)
        self.count += 1
        self.held += tickets_of(item)
        while len(self.held) > self.delay:
            self.emitted.append(self.held.pop(0))
            yield self.emitted[-1]

    def finish(self) -> Iterable[Ticket]:
        self.faults.at("finish", 0)
        self.complete = True
        self.emitted += self.held
        return list(self.held)


@dataclass
class Run:
    """A pipeline and the parts that tests inspect."""

    pipeline: Pipeline
    ledger: Ledger
    streams: list[StreamStages]
    sources: list[CountedPictures]
    sinks: dict[str, list[Recorder]]
    shared: Shared


def tracked_as_detected(item: Detected) -> list[Tracked]:
    """Return the frame with its detections, without identities."""
    return [Tracked(item.frame, Tracks.untracked(item.detections))]


def make_run(
    counts: list[int],
    faults: Faults | None = None,
    *,
    broken_streams: tuple[int, ...] = (0,),
    sinks: int = 2,
    max_batch: int = 2,
    viewers: bool = False,
    live: bool = False,
    delay: int = 3,
    attention: bool = False,
) -> Run:
    """Return a run; only the `broken_streams` get the faults of the stages of one stream."""
    faults = faults or Faults()
    ledger = Ledger()
    shared = Shared(faults, slots=SLOTS)
    sources, recorders, streams = [], {}, []
    for k, count in enumerate(counts):
        own = faults if k in broken_streams else Faults(stalls=faults.stalls, random=faults.random)
        source = CountedPictures(f"s{k}", count, own)
        recorders[source.name] = [Recorder(own, delay) for _ in range(sinks)]
        track: Stage[Detected, Tracked] = Apply(own, "track", tracked_as_detected)
        judge = Attention(OFTEN, waits=not live) if attention else None
        if judge:
            passed = Apply(own, "track", lambda item: [item])
            track = Chain(passed, Track(make_tracker("sort"), None, judge))
        streams.append(
            StreamStages(
                source.name,
                source.name,
                source,
                Decode(source, ledger, stride=2),
                track,
                [
                    Output(f"sink{j}", sink, viewer=viewers and j == 1)
                    for j, sink in enumerate(recorders[source.name])
                ],
                live=live,
                attention=judge,
            )
        )
        sources.append(source)
    graph = Graph(shared.stages(max_batch), ledger)
    for stream in streams:
        graph.add(stream)
    return Run(graph.pipeline, ledger, graph.streams, sources, recorders, shared)


def finish(run: Run) -> None:
    """Wait for the end; fail if the run hangs or its ledger does not balance."""
    assert run.pipeline.wait(CAP), "the run hangs"
    run.pipeline.join()
    assert run.shared.closed == 1
    assert not [failure for failure in run.pipeline.failures if failure.stage == "ledger"]
    for balance in run.ledger.balances.values():
        assert balance.decoded == balance.emitted + balance.dropped.total() + balance.failed.total()


def finished(faults: Faults | None = None) -> Run:
    """Return a run of 20 and 10 frames that has ended; every second frame is left out."""
    run = make_run([20, 10], faults, sinks=1)
    run.pipeline.start()
    finish(run)
    return run
