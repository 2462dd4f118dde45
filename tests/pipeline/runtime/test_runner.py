"""The law of the house: whatever breaks, stalls or is stopped, every frame has one fate."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from random import Random
from threading import Event

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.candidates import Candidates
from detector.detections import Detections
from detector.errors import FramelaneError
from detector.letterbox import Letterbox
from pipeline.frame import (
    Batch,
    Detected,
    Inferred,
    InFlight,
    Picture,
    Ready,
    Stream,
    Ticket,
    Tracked,
    tickets_of,
)
from pipeline.graph import Output, SharedStages, StreamStages, connect
from pipeline.runtime.ledger import Ledger
from pipeline.runtime.runner import Pipeline
from pipeline.runtime.stage import Stage
from pipeline.sinks import Sink
from pipeline.sources import Decoded
from pipeline.stages.decode import Decode
from tests.support.cameras import until
from trackers.tracks import Tracks

CAP = 60  # seconds that a run may take at most
PICTURE = Picture.of(np.zeros((2, 2, 3), np.uint8))
LETTERBOX = Letterbox.fit(source=(2, 2), size=(2, 2))
SLOTS = 2  # of the engine
NEVER = Event()  # waited for with a time-out: an injected stall


class Injected(FramelaneError):
    """A failure that the test put there."""


@dataclass
class Faults:
    """Which stage breaks at which item, and how often a stage stalls."""

    breaks: dict[str, int] = field(default_factory=dict)
    stalls: float = 0.0
    random: Random = field(default_factory=lambda: Random(0))

    def at(self, stage: str, item: int) -> None:
        """Stall or break here, if it is so decided."""
        if self.random.random() < self.stalls:
            NEVER.wait(self.random.random() * 0.004)
        if self.breaks.get(stage) == item:
            raise Injected(f"{stage} broke at {item}")


@dataclass
class Gate(Faults):
    """A stall that lasts until the test ends it."""

    opened: Event = field(default_factory=Event)

    def at(self, stage: str, item: int) -> None:
        self.opened.wait(CAP)


@dataclass
class EngineGate(Gate):
    """The engine gives no result until the test lets it; it gets its first frames one by one."""

    taken: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def at(self, stage: str, item: int) -> None:
        if stage == "preprocess":
            self.taken.release()
        if stage == "decode" and item in range(2, 2 * SLOTS + 1, 2):  # one of two is a frame
            assert self.taken.acquire(timeout=CAP)
        if stage == "collect":
            super().at(stage, item)


class Numbers:
    """A source of so many pictures."""

    def __init__(self, name: str, count: int, injected: Faults) -> None:
        self.name, self.count, self.injected = name, count, injected
        self.faults: list[str] = []
        self.stopped = Event()

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


class Answer:
    """A pending batch that holds one of the engine's slots."""

    def __init__(self, slots: threading.Semaphore, count: int) -> None:
        self.slots, self.count = slots, count

    def result(self) -> Candidates:
        self.slots.release()
        return Candidates(
            np.zeros((self.count, 1, 4), np.float32), np.zeros((self.count, 1, 1), np.float32)
        )


class Shared:
    """Preprocess, submit, collect and suppress in one: each a stage that may break."""

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
            max_batch=max_batch,
        )

    def _batch(self, item: Ready) -> list[Batch]:
        n = len(item.frames)
        return [Batch(item.frames, (LETTERBOX,) * n, np.zeros((n, 2, 2, 3), np.uint8))]

    def _submit(self, item: Batch) -> list[InFlight]:
        assert self.slots.acquire(timeout=CAP), "no slot ever became free"
        return [InFlight(item, Answer(self.slots, len(item.frames)))]

    def _collect(self, item: InFlight) -> list[Inferred]:
        return [Inferred(item.batch, item.pending.result())]

    def _suppress(self, item: Inferred) -> list[Detected]:
        return [Detected(frame, Detections.empty()) for frame in item.batch.frames]


class Apply(Stage):  # type: ignore[type-arg]
    """A stage made of one function."""

    def __init__(self, faults: Faults, name: str, function: object) -> None:
        self.faults, self.name, self.function, self.count = faults, name, function, 0
        self.open_calls = self.close_calls = 0

    def open(self) -> None:
        self.open_calls += 1

    def process(self, item: object) -> Iterable[object]:
        self.faults.at(self.name, self.count)
        self.count += 1
        return self.function(item)  # type: ignore[operator, no-any-return]

    def close(self) -> None:
        self.close_calls += 1


class Recorder(Sink):
    """A sink like an encoder: it holds frames back and writes them later."""

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
    """A pipeline over counted pictures, with everything a test wants to look at."""

    pipeline: Pipeline
    ledger: Ledger
    sources: list[Numbers]
    sinks: dict[str, list[Recorder]]
    shared: Shared


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
) -> Run:
    """Describe and build; faults of a stream's own stages hit the `broken_streams` only."""
    faults = faults or Faults()
    ledger = Ledger()
    shared = Shared(faults, slots=SLOTS)
    sources, recorders, streams = [], {}, []
    for k, count in enumerate(counts):
        own = faults if k in broken_streams else Faults(stalls=faults.stalls, random=faults.random)
        source = Numbers(f"s{k}", count, own)
        recorders[source.name] = [Recorder(own, delay) for _ in range(sinks)]
        streams.append(
            StreamStages(
                source.name,
                source.name,
                source,
                Decode(source, ledger, stride=2),
                Apply(own, "track", lambda x: [Tracked(x.frame, Tracks.untracked(x.detections))]),
                [
                    Output(f"sink{j}", sink, viewer=viewers and j == 1)
                    for j, sink in enumerate(recorders[source.name])
                ],
                live=live,
            )
        )
        sources.append(source)
    pipeline = connect(shared.stages(max_batch), streams, ledger)
    return Run(pipeline, ledger, sources, recorders, shared)


def finish(run: Run) -> None:
    """Wait for the end, which must come; `join` checks the ledger."""
    assert run.pipeline.wait(CAP), "the run hangs"
    run.pipeline.join()
    assert run.shared.closed == 1
    assert not [failure for failure in run.pipeline.failures if failure.stage == "ledger"]
    for balance in run.ledger.balances.values():
        assert balance.decoded == balance.emitted + balance.dropped.total() + balance.failed.total()


def indices(tickets: list[Ticket]) -> list[int]:
    return [ticket.index for ticket in tickets]


STOPS = ["open", "decode", "preprocess", "submit", "collect", "suppress", "track", "sink", "finish"]


@given(
    counts=st.lists(st.integers(0, 40), min_size=1, max_size=3),
    breaks=st.dictionaries(st.sampled_from(STOPS), st.integers(0, 25), max_size=2),
    stalls=st.sampled_from([0.0, 0.05, 0.3]),
    seed=st.integers(0, 999),
    max_batch=st.integers(1, 4),
    viewers=st.booleans(),
    live=st.booleans(),
    ending=st.sampled_from(["end", "stop", "cancel", "stop and cancel"]),
)
@settings(max_examples=120, deadline=None)
def test_every_frame_has_exactly_one_fate_whatever_breaks_stalls_or_stops(
    counts: list[int],
    breaks: dict[str, int],
    stalls: float,
    seed: int,
    max_batch: int,
    viewers: bool,
    live: bool,
    ending: str,
) -> None:
    faults = Faults(breaks, stalls, Random(seed))
    run = make_run(counts, faults, max_batch=max_batch, viewers=viewers, live=live)
    run.pipeline.start()
    if "stop" in ending:
        NEVER.wait(faults.random.random() * 0.02)
        run.pipeline.stop()
    if "cancel" in ending:
        NEVER.wait(faults.random.random() * 0.02)
        run.pipeline.cancel()
    finish(run)
    assert all(isinstance(failure.error, Injected) for failure in run.pipeline.failures)
    for name, sinks in run.sinks.items():
        for sink in sinks:
            assert indices(sink.emitted) == sorted(indices(sink.emitted))
            assert len(set(sink.emitted)) == len(sink.emitted)
        emitted = set().union(*(sink.emitted for sink in sinks))
        assert run.ledger.balance(name).emitted <= len(emitted)


def test_without_faults_every_frame_reaches_every_sink_in_order() -> None:
    run = make_run([30, 11])
    run.pipeline.start()
    finish(run)
    for source in run.sources:
        expected = list(range(0, source.count, 2))
        for sink in run.sinks[source.name]:
            assert indices(sink.emitted) == expected
            assert sink.complete
        balance = run.ledger.balances[source.name]
        assert balance.emitted == len(expected)
        assert balance.dropped == {("decode", "stride"): source.count - len(expected)}


def test_what_a_live_stream_has_too_much_waits_in_its_lane_and_not_before_the_engine() -> None:
    """There a younger frame takes its place: of 20, those at the engine and the youngest remain."""
    gate = EngineGate()
    run = make_run([40], gate, live=True, max_batch=1, sinks=1)
    run.pipeline.start()
    until(lambda: run.ledger.balance("s0").decoded == 40)
    gate.opened.set()
    finish(run)
    assert run.ledger.balance("s0").dropped["s0/decoded", "overflow"] == 20 - SLOTS - 1
    assert indices(run.sinks["s0"][0].emitted) == [0, 2, 38]


@pytest.mark.parametrize("stop", ["open", "decode", "track", "sink", "finish"])
def test_a_stage_of_one_stream_breaks_that_stream_and_no_other(stop: str) -> None:
    at = 0 if stop in ("open", "finish") else 5
    run = make_run([30, 30], Faults({stop: at}), sinks=1)
    run.pipeline.start()
    finish(run)
    assert [(failure.stream, str(failure.error)) for failure in run.pipeline.failures] == [
        ("s0", f"{stop} broke at {at}")
    ]
    assert not run.pipeline.cancelled
    assert run.sinks["s1"][0].complete
    assert not run.sinks["s0"][0].complete or stop == "finish"
    assert run.ledger.balances["s1"].emitted == 15


@pytest.mark.parametrize("stop", ["preprocess", "submit", "collect", "suppress"])
def test_a_shared_stage_that_breaks_ends_the_run_and_is_named(stop: str) -> None:
    run = make_run([30, 30], Faults({stop: 4}))
    run.pipeline.start()
    finish(run)
    assert [failure.stage for failure in run.pipeline.failures] == [stop]
    assert run.pipeline.failures[0].stream is None
    assert not any(sink.complete for sinks in run.sinks.values() for sink in sinks)
    reasons = set().union(*(balance.failed for balance in run.ledger.balances.values()))
    assert (stop, f"{stop} broke at 4") in reasons


def test_frames_decoded_before_a_decoder_breaks_are_still_written() -> None:
    run = make_run([30], Faults({"decode": 20}), sinks=1, delay=0)
    run.pipeline.start()
    finish(run)
    assert indices(run.sinks["s0"][0].emitted) == list(range(0, 20, 2))
    assert not run.sinks["s0"][0].complete


def test_a_stop_finishes_what_is_in_flight_and_closes_the_sinks_well() -> None:
    run = make_run([1_000_000])
    run.pipeline.start()
    while not run.sinks["s0"][0].emitted:
        NEVER.wait(0.001)
    run.pipeline.stop()
    finish(run)
    assert run.sinks["s0"][0].complete
    balance = run.ledger.balances["s0"]
    assert balance.emitted == len(run.sinks["s0"][0].emitted)
    assert not balance.failed


def test_a_recorder_that_stalls_does_not_stall_the_other_stream() -> None:
    run = make_run([200, 40], sinks=1, delay=0)
    slow = run.sinks["s0"][0]
    slow.faults = gate = Gate()
    run.pipeline.start()
    while not run.sinks["s1"][0].complete:
        NEVER.wait(0.001)
    assert not slow.emitted
    gate.opened.set()
    finish(run)
    assert slow.complete


def test_no_thread_is_left_behind() -> None:
    before = threading.active_count()
    run = make_run([20], Faults({"collect": 3}))
    run.pipeline.start()
    finish(run)
    assert threading.active_count() == before
