"""Which channels join the stages, how large they are, and what happens when one is full."""

from __future__ import annotations

import pytest

from pipeline.graph import CREDIT, DECODED, NEWEST, SINK
from pipeline.runtime.channel import Channel, Overflow
from pipeline.runtime.runner import Worker
from pipeline.runtime.stream_lane import StreamLane
from tests.support.faulty_runs import Run, make_run

IN_FLIGHT = 2  # batches of the fake engine


def workers(run: Run) -> dict[str, Worker]:
    return {worker.name: worker for worker in run.pipeline.workers}


def test_the_shared_stages_come_first_then_those_of_each_stream_in_the_order_of_the_path() -> None:
    assert list(workers(make_run([1, 1]))) == [
        *("preprocess", "submit", "collect", "suppress"),
        *("s0/decode", "s0/track", "s0/sink0", "s0/sink1"),
        *("s1/decode", "s1/track", "s1/sink0", "s1/sink1"),
    ]


@pytest.mark.parametrize(
    ("live", "capacity", "overflow"),
    [(False, DECODED, Overflow.BLOCK), (True, NEWEST, Overflow.DROP_OLDEST)],
)
def test_a_recording_waits_for_the_engine_and_a_live_stream_drops_its_oldest_frame(
    live: bool, capacity: int, overflow: Overflow
) -> None:
    decoded = workers(make_run([1], live=live))["s0/decode"].outbox
    assert isinstance(decoded, Channel)
    assert (decoded.capacity, decoded.overflow) == (capacity, overflow)


def test_the_credit_of_a_stream_covers_the_batches_at_the_engine() -> None:
    lane = workers(make_run([1]))["s0/track"].inbox
    assert isinstance(lane, StreamLane)
    assert lane.tail.capacity == CREDIT + IN_FLIGHT


def test_a_recorder_blocks_and_a_viewer_drops() -> None:
    joined = workers(make_run([1], viewers=True))
    recorder, viewer = joined["s0/sink0"].inbox, joined["s0/sink1"].inbox
    assert isinstance(recorder, Channel) and isinstance(viewer, Channel)
    assert (recorder.capacity, recorder.overflow) == (SINK, Overflow.BLOCK)
    assert (viewer.capacity, viewer.overflow) == (SINK, Overflow.DROP_OLDEST)


def test_only_the_workers_of_a_stream_name_it() -> None:
    streams = {name: worker.stream for name, worker in workers(make_run([1])).items()}
    assert streams["preprocess"] is None
    assert streams["s0/decode"] == streams["s0/sink1"] == "s0"


def test_only_decode_reads_a_source() -> None:
    reading = [name for name, worker in workers(make_run([1, 1])).items() if worker.probe.reads]
    assert reading == ["s0/decode", "s1/decode"]
