"""Every frame has exactly one fate, whatever fails, stalls or is stopped."""

from __future__ import annotations

import threading
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.frames.fate import Ticket
from tests.support.cameras import until
from tests.support.faulty_runs import (
    NEVER,
    SLOTS,
    EngineGate,
    Faults,
    Gate,
    Injected,
    finish,
    make_run,
)


def indices(tickets: list[Ticket]) -> list[int]:
    return [ticket.index for ticket in tickets]


STAGES = [
    "open",
    "decode",
    "preprocess",
    "submit",
    "collect",
    "suppress",
    "track",
    "sink",
    "finish",
]


@given(
    counts=st.lists(st.integers(0, 40), min_size=1, max_size=3),
    fails=st.dictionaries(st.sampled_from(STAGES), st.integers(0, 25), max_size=2),
    stalls=st.sampled_from([0.0, 0.05, 0.3]),
    seed=st.integers(0, 999),
    max_batch=st.integers(1, 4),
    viewers=st.booleans(),
    live=st.booleans(),
    attention=st.booleans(),
    ending=st.sampled_from(["end", "stop", "cancel", "stop and cancel"]),
)
@settings(max_examples=120, deadline=None)
def test_every_frame_has_exactly_one_fate_whatever_fails_stalls_or_stops(
    counts: list[int],
    fails: dict[str, int],
    stalls: float,
    seed: int,
    max_batch: int,
    viewers: bool,
    live: bool,
    attention: bool,
    ending: str,
) -> None:
    faults = Faults(fails, stalls, Random(seed))
    run = make_run(
        counts, faults, max_batch=max_batch, viewers=viewers, live=live, attention=attention
    )
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


def test_excess_frames_of_a_live_stream_wait_in_its_lane_not_at_the_engine() -> None:
    """In the lane younger frames replace them: of 20, two at the engine and the last one remain."""
    gate = EngineGate()
    run = make_run([40], gate, live=True, max_batch=1, sinks=1)
    run.pipeline.start()
    until(lambda: run.ledger.balance("s0").decoded == 40)
    gate.opened.set()
    finish(run)
    assert run.ledger.balance("s0").dropped["s0/decoded", "overflow"] == 20 - SLOTS - 1
    assert indices(run.sinks["s0"][0].emitted) == [0, 2, 38]


@pytest.mark.parametrize("stage", ["open", "decode", "track", "sink", "finish"])
def test_a_failing_stage_of_one_stream_ends_that_stream_and_no_other(stage: str) -> None:
    at = 0 if stage in ("open", "finish") else 5
    run = make_run([30, 30], Faults({stage: at}), sinks=1)
    run.pipeline.start()
    finish(run)
    assert [(failure.stream, str(failure.error)) for failure in run.pipeline.failures] == [
        ("s0", f"{stage} failed at {at}")
    ]
    assert not run.pipeline.cancelled
    assert run.sinks["s1"][0].complete
    assert not run.sinks["s0"][0].complete or stage == "finish"
    assert run.ledger.balances["s1"].emitted == 15


@pytest.mark.parametrize("stage", ["preprocess", "submit", "collect", "suppress"])
def test_a_failing_shared_stage_ends_the_run_and_is_named(stage: str) -> None:
    run = make_run([30, 30], Faults({stage: 4}))
    run.pipeline.start()
    finish(run)
    assert [failure.stage for failure in run.pipeline.failures] == [stage]
    assert run.pipeline.failures[0].stream is None
    assert not any(sink.complete for sinks in run.sinks.values() for sink in sinks)
    reasons = set().union(*(balance.failed for balance in run.ledger.balances.values()))
    assert (stage, f"{stage} failed at 4") in reasons


def test_frames_decoded_before_the_decoder_fails_are_still_written() -> None:
    run = make_run([30], Faults({"decode": 20}), sinks=1, delay=0)
    run.pipeline.start()
    finish(run)
    assert indices(run.sinks["s0"][0].emitted) == list(range(0, 20, 2))
    assert not run.sinks["s0"][0].complete


def test_a_stop_finishes_the_frames_in_flight_and_completes_the_sinks() -> None:
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


def test_a_stalled_recorder_does_not_stall_the_other_stream() -> None:
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
