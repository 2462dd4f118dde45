"""One thread per transport: order, retries, what holds up what, and the end of a run."""

from __future__ import annotations

import logging
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from threading import Condition, Event

import pytest

from pipeline.connections.status import Cause, Trouble
from pipeline.delivery.deliverer import Deliverer
from pipeline.delivery.message import Message
from pipeline.delivery.retries import Schedule, Undelivered
from pipeline.delivery.transport import Transport
from pipeline.store.database import StoreError
from tests.support.cameras import CAP
from tests.support.deliveries import MemoryOutbox, a_row

WAIT = 100.0  # of the clock of a test, after each failure


class ScriptedTransport(Transport):
    """Fails as it is told, and takes what it is not told about.

    failures: by row, what happens at each attempt
    """

    def __init__(self, batch: int = 1) -> None:
        super().__init__("", Path(), Schedule((WAIT,), (WAIT,), Random()))
        self.batch = batch  # type: ignore[misc]
        self.failures: dict[int, deque[Exception]] = defaultdict(deque)
        self.attempts: list[int] = []  # rows
        self.taken: list[int] = []
        self.changed = Condition()
        self.closed = False
        self.idle = False
        self.stuck = Event()  # a receiver that does not answer, if it is set
        self.interrupted = Event()

    def deliver(self, messages: Sequence[Message], delivered: Callable[[Message], None]) -> None:
        for message in messages:
            with self.changed:
                self.attempts.append(message.row)
                self.changed.notify_all()
            if self.stuck.is_set():
                self.interrupted.wait()
                raise Undelivered(Trouble(Cause.ENDED_BY_PEER))
            if self.failures[message.row]:
                raise self.failures[message.row].popleft()
            self.taken.append(message.row)
            delivered(message)

    def pause(self, seconds: float | None) -> None:
        with self.changed:
            self.idle = True
            self.changed.notify_all()  # what happened before is in the figures now
        super().pause(seconds)
        self.idle = False

    def interrupt(self) -> None:
        self.interrupted.set()

    def close(self) -> None:
        self.closed = True

    def wait_until_idle(self) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.idle and self.taken, CAP)

    def wait_for_attempts(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.attempts) >= count, CAP), self.attempts


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A deliverer with its parts."""

    def __init__(self, outbox: MemoryOutbox, batch: int = 1) -> None:
        self.outbox = outbox
        self.transport = ScriptedTransport(batch)
        self.clock = Clock()
        self.deliverer = Deliverer("hook", "https://", self.transport, outbox, self.clock)

    def fail(self, row: int, *, whole: bool, times: int = 1) -> None:
        for _ in range(times):
            trouble = Trouble(Cause.REFUSED, "HTTP 500")
            self.transport.failures[row].append(Undelivered(trouble, whole=whole))

    def wait_for_failures(self, count: int) -> None:
        """Wait until the deliverer has noted so many failures."""
        changed = self.transport.changed
        with changed:
            assert changed.wait_for(lambda: self.deliverer.figures()["failures"] >= count, CAP)

    def pass_time(self) -> None:
        self.clock.now += 2 * WAIT
        self.deliverer.wake()


@contextmanager
def delivering(*streams: str, batch: int = 1) -> Iterator[Bench]:
    """Make rows 1, 2, ... of these streams; `start` is up to the test."""
    rows = [a_row(number, stream) for number, stream in enumerate(streams, start=1)]
    bench = Bench(MemoryOutbox(rows), batch)
    try:
        yield bench
    finally:
        bench.deliverer.interrupt()
        assert bench.deliverer.join(CAP)


@pytest.mark.parametrize("batch", [1, 2, 50])
def test_rows_are_delivered_in_order_and_acknowledged(batch: int) -> None:
    with delivering("door", "yard", "door", "door", batch=batch) as bench:
        bench.deliverer.start()
        bench.outbox.wait_empty()
        assert bench.transport.taken == [1, 2, 3, 4]
        assert bench.deliverer.figures() == {
            "name": "hook",
            "kind": "https://",
            "state": "delivering",
            "pending": 0,
            "dropped": 0,
            "delivered": 4,
            "failures": 0,
            "waiting": [],
            "last_error": None,
        }


def test_new_rows_are_delivered_when_they_are_committed() -> None:
    with delivering() as bench:
        bench.deliverer.start()
        for number in range(1, 4):
            bench.outbox.rows.append(a_row(number))
            bench.deliverer.wake()
            bench.outbox.wait_empty()
        assert bench.transport.taken == [1, 2, 3]


def test_a_stream_whose_first_row_fails_holds_up_no_other_stream() -> None:
    with delivering("door", "door", "yard", "yard") as bench:
        bench.fail(1, whole=False)
        bench.deliverer.start()
        bench.outbox.wait_until(lambda: len(bench.outbox.rows) == 2)
        assert bench.transport.taken == [3, 4]
        assert bench.deliverer.figures()["waiting"] == ["door"]
        assert bench.deliverer.figures()["state"] == "failing"
        bench.pass_time()
        bench.outbox.wait_empty()
        assert bench.transport.taken == [3, 4, 1, 2]
        assert bench.deliverer.figures()["waiting"] == []


@pytest.mark.parametrize("batch", [1, 50])
def test_what_was_acknowledged_before_a_failure_is_not_sent_again(batch: int) -> None:
    with delivering("door", "yard", "door", "door", batch=batch) as bench:
        bench.fail(3, whole=True, times=2)
        bench.deliverer.start()
        bench.wait_for_failures(1)
        assert [row.id for row in bench.outbox.rows] == [3, 4]
        bench.pass_time()
        bench.wait_for_failures(2)
        bench.pass_time()
        bench.outbox.wait_empty()
        assert bench.transport.taken == [1, 2, 3, 4]
        assert bench.transport.attempts == [1, 2, 3, 3, 3, 4]


def test_nothing_is_tried_before_its_time_also_if_new_rows_come() -> None:
    with delivering("door") as bench:
        bench.fail(1, whole=True)
        bench.deliverer.start()
        bench.wait_for_failures(1)
        bench.outbox.rows.append(a_row(2, "yard"))
        for _ in range(20):
            bench.deliverer.wake()
        bench.clock.now += WAIT - 1  # the jitter only lengthens a wait
        bench.deliverer.wake()
        bench.deliverer.drain()
        assert bench.deliverer.join(CAP)
        assert bench.transport.attempts == [1]


def test_a_waiting_stream_whose_rows_were_dropped_is_forgotten() -> None:
    with delivering("door") as bench:
        bench.fail(1, whole=False)
        bench.deliverer.start()
        bench.wait_for_failures(1)
        bench.outbox.acknowledge([1])  # the bounds of the outbox have dropped it
        bench.pass_time()
        bench.outbox.rows.append(a_row(2, "door"))
        bench.deliverer.wake()
        bench.outbox.wait_empty()
        assert bench.transport.taken == [2]
        assert bench.deliverer.figures()["state"] == "delivering"


def test_a_receiver_that_wants_no_more_gets_no_more(caplog: pytest.LogCaptureFixture) -> None:
    with delivering("door", "door") as bench, caplog.at_level(logging.INFO, "framelane"):
        gone = Undelivered(Trouble(Cause.REFUSED, "HTTP 410 Gone"), final=True)
        bench.transport.failures[1].append(gone)
        bench.deliverer.start()
        bench.transport.wait_for_attempts(1)
        bench.pass_time()
        bench.deliverer.drain()
        assert bench.deliverer.join(CAP)
        assert bench.transport.attempts == [1]
        assert bench.deliverer.figures()["state"] == "disabled"
        assert bench.deliverer.figures()["pending"] == 2
    lines = [record.getMessage() for record in caplog.records]
    assert lines == ["deliver 'hook': refused (HTTP 410 Gone); not tried again before a restart"]


def test_failures_and_the_recovery_are_logged_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with delivering("door", "door") as bench, caplog.at_level(logging.INFO, "framelane"):
        bench.fail(1, whole=True, times=3)
        bench.transport.schedule = Schedule((1.0,), (1.0,), Random())
        bench.deliverer.start()
        for failures in (1, 2, 3):
            bench.wait_for_failures(failures)
            bench.clock.now += 2.0
            bench.deliverer.wake()
        bench.outbox.wait_empty()
    assert [record.getMessage() for record in caplog.records] == [
        "deliver 'hook': refused (HTTP 500); next attempt in 1 s",
        "deliver 'hook': delivers again",
    ]


def test_a_store_that_cannot_be_read_is_read_again() -> None:
    with delivering("door") as bench:
        bench.outbox.failure = StoreError("the disk is gone")
        bench.deliverer.start()
        assert bench.deliverer.figures()["pending"] is None
        bench.outbox.failure = None
        bench.deliverer.wake()
        bench.outbox.wait_empty()


def test_a_bug_does_not_end_the_delivery(caplog: pytest.LogCaptureFixture) -> None:
    with delivering("door", "door") as bench, caplog.at_level(logging.INFO, "framelane"):
        bench.transport.failures[1].append(ZeroDivisionError("secret"))
        bench.deliverer.start()
        bench.wait_for_failures(1)
        bench.pass_time()
        bench.outbox.wait_empty()
        assert bench.transport.taken == [1, 2]
        assert bench.deliverer.figures()["last_error"] == (
            "bad data (internal error: ZeroDivisionError)"
        )
    assert "internal error: ZeroDivisionError" in caplog.records[0].getMessage()


def test_at_the_end_what_waits_is_delivered() -> None:
    with delivering(*["door"] * 100) as bench:
        bench.deliverer.start()
        bench.deliverer.drain()
        assert bench.deliverer.join(CAP)
        assert bench.transport.taken == list(range(1, 101))
        assert bench.transport.closed


def test_a_row_that_was_committed_just_before_the_end_is_delivered() -> None:
    with delivering("door") as bench:
        bench.deliverer.start()
        bench.outbox.wait_empty()
        bench.transport.wait_until_idle()
        bench.outbox.rows.append(a_row(2))
        bench.deliverer.drain()
        assert bench.deliverer.join(CAP)
        assert bench.transport.taken == [1, 2]


def test_at_the_end_a_failing_stream_is_left_and_the_others_are_delivered() -> None:
    with delivering("door", "yard", "door", "yard") as bench:
        bench.fail(1, whole=False)
        bench.deliverer.start()
        bench.deliverer.drain()
        assert bench.deliverer.join(CAP)
        assert bench.transport.taken == [2, 4]
        assert [row.id for row in bench.outbox.rows] == [1, 3]


def test_an_interrupt_ends_a_delivery_that_hangs_and_counts_no_failure() -> None:
    with delivering("door") as bench:
        bench.transport.stuck.set()
        bench.deliverer.start()
        bench.transport.wait_for_attempts(1)
        bench.deliverer.drain()
        bench.deliverer.interrupt()
        assert bench.deliverer.join(CAP)
        assert bench.deliverer.figures()["failures"] == 0
        assert bench.deliverer.figures()["state"] == "stopped"


def test_a_connection_that_did_not_last_does_not_reset_the_waits() -> None:
    with delivering("door") as bench:
        bench.transport.schedule = Schedule((1.0, 1000.0), (1.0,), Random())
        bench.fail(1, whole=True, times=2)
        bench.deliverer.start()
        bench.wait_for_failures(1)
        bench.transport.on_connected()
        assert bench.deliverer.figures()["state"] == "delivering"
        bench.clock.now += 2.0
        bench.deliverer.wake()
        bench.wait_for_failures(2)
        assert bench.deliverer.figures()["state"] == "failing"
        bench.clock.now += 100.0
        bench.deliverer.wake()
        bench.deliverer.drain()
        assert bench.deliverer.join(CAP)
        assert bench.transport.attempts == [1, 1]


def test_a_connection_that_lasted_resets_the_waits() -> None:
    with delivering("door") as bench:
        bench.transport.schedule = Schedule((1.0, 1000.0), (1.0,), Random())
        bench.fail(1, whole=True, times=2)
        bench.deliverer.start()
        bench.wait_for_failures(1)
        bench.transport.on_connected()
        bench.clock.now += 20.0
        bench.deliverer.wake()
        bench.wait_for_failures(2)
        bench.clock.now += 2.0
        bench.deliverer.wake()
        bench.outbox.wait_empty()
