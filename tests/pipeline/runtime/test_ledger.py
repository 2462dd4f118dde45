"""Every frame has one fate in the ledger: the strongest that one of its ends reports."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from itertools import permutations
from threading import Event

import numpy as np
import pytest

from pipeline.frames.batch import Ready
from pipeline.frames.frame import Frame
from pipeline.frames.item import tickets_of
from pipeline.frames.picture import Picture
from pipeline.frames.stream import Stream
from pipeline.runtime.ledger import Balance, Ledger

PICTURE = Picture.of(np.zeros((2, 2, 3), np.uint8))

REPORTS: dict[str, Callable[[Ledger, Ready], None]] = {
    "emitted": lambda ledger, item: ledger.emitted(item),
    "dropped": lambda ledger, item: ledger.dropped(item, "sink", "overflow"),
    "failed": lambda ledger, item: ledger.failed(item, "sink", "broke"),
}


def frames(ledger: Ledger, count: int, name: str = "a", captured_at: float = 0.0) -> Ready:
    """Return an item of `count` new frames."""
    stream = Stream(name, name, Fraction(1, 25))
    item = Ready(
        tuple(
            Frame(stream, index, None, index, Fraction(1, 25), captured_at, PICTURE)
            for index in range(count)
        )
    )
    for ticket in tickets_of(item):
        ledger.decoded(ticket)
    return item


def fates(balance: Balance) -> dict[str, int]:
    """Return the number of frames by fate, without zeros."""
    counts = {
        "emitted": balance.emitted,
        "dropped": balance.dropped.total(),
        "failed": balance.failed.total(),
    }
    return {fate: count for fate, count in counts.items() if count}


@pytest.mark.parametrize("order", list(permutations(REPORTS)))
@pytest.mark.parametrize(
    ("reported", "fate"),
    [
        ({"dropped"}, "dropped"),
        ({"dropped", "emitted"}, "emitted"),
        ({"dropped", "failed"}, "failed"),
        ({"emitted", "failed"}, "failed"),
        ({"dropped", "emitted", "failed"}, "failed"),
    ],
)
def test_the_strongest_fate_counts_in_any_order_of_reports(
    order: tuple[str, ...], reported: set[str], fate: str
) -> None:
    ledger = Ledger()
    item = frames(ledger, 3)
    ledger.split(item, len(reported))
    for report in order:
        if report in reported:
            REPORTS[report](ledger, item)
    assert fates(ledger.balances["a"]) == {fate: 3}
    ledger.check()


def test_a_frame_has_no_fate_until_all_its_ends_have_reported() -> None:
    ledger = Ledger()
    item = frames(ledger, 1)
    ledger.split(item, 2)
    ledger.split(item, 3)  # one of the two is split again
    for _ in range(3):
        ledger.emitted(item)
    assert fates(ledger.balances["a"]) == {}
    with pytest.raises(AssertionError, match="frames without a fate"):
        ledger.check()
    ledger.emitted(item)
    assert fates(ledger.balances["a"]) == {"emitted": 1}
    ledger.check()


def test_a_second_report_of_the_same_end_is_a_bug() -> None:
    ledger = Ledger()
    item = frames(ledger, 1)
    ledger.emitted(item)
    with pytest.raises(KeyError):
        ledger.dropped(item, "sink", "overflow")


def test_a_frame_decoded_twice_is_a_bug() -> None:
    ledger = Ledger()
    item = frames(ledger, 1)
    with pytest.raises(AssertionError, match="decoded twice"):
        ledger.decoded(item.frames[0].ticket)


def test_streams_have_separate_balances_with_their_own_reasons() -> None:
    ledger = Ledger()
    ledger.dropped(frames(ledger, 2, "a"), "decode", "stride")
    ledger.failed(frames(ledger, 1, "b"), "infer", "broke")
    a, b = ledger.balances["a"], ledger.balances["b"]
    assert (a.decoded, a.settled, dict(a.dropped)) == (2, 2, {("decode", "stride"): 2})
    assert (b.decoded, b.settled, dict(b.failed)) == (1, 1, {("infer", "broke"): 1})
    ledger.check()


def test_a_forgotten_stream_must_balance() -> None:
    ledger = Ledger()
    frames(ledger, 1, "unfinished")
    ledger.emitted(frames(ledger, 1, "finished"))
    ledger.forget("finished")
    ledger.forget("never seen")
    assert list(ledger.balances) == ["unfinished"]
    with pytest.raises(AssertionError, match="frames without a fate"):
        ledger.forget("unfinished")


def test_latency_is_measured_for_emitted_frames_only() -> None:
    ledger = Ledger()
    ledger.emitted(frames(ledger, 2, "a"))
    ledger.dropped(frames(ledger, 3, "b"), "decode", "stride")
    assert [ledger.balances[stream].latency.count for stream in "ab"] == [2, 0]


def test_pictures_that_are_not_decoded_are_counted_separately_from_frames() -> None:
    ledger = Ledger()
    ledger.emitted(frames(ledger, 1))
    for _ in range(3):
        ledger.skipped("a", "decode", "late")
    balance = ledger.balances["a"]
    assert (balance.decoded, balance.settled) == (1, 1)
    assert balance.skipped == {("decode", "late"): 3}
    ledger.check()


def test_latency_ends_at_the_last_sink_that_writes_the_frame_not_at_one_that_drops_it() -> None:
    now = 100.0
    ledger = Ledger(clock=lambda: now)
    item = frames(ledger, 1, captured_at=99.0)
    ledger.split(item, 3)
    ledger.emitted(item)
    now = 100.5
    ledger.emitted(item)
    now = 200.0
    ledger.dropped(item, "viewer", "not connected")
    assert ledger.balances["a"].latency.max == 1.5


def test_a_thread_that_holds_the_book_of_one_stream_does_not_block_another_stream() -> None:
    holding, release = Event(), Event()

    def slow_clock() -> float:  # the ledger reads it with the book locked
        holding.set()
        release.wait(30)
        return 1.0

    ledger = Ledger(slow_clock)
    item = frames(ledger, 1, "a")
    with ThreadPoolExecutor() as threads:
        slow = threads.submit(ledger.emitted, item)
        assert holding.wait(30)
        other = threads.submit(frames, ledger, 3, "b")
        try:
            assert len(other.result(timeout=20).frames) == 3
            assert ledger.balances["b"].decoded == 3
        finally:
            release.set()
        slow.result(timeout=20)
    assert ledger.balances["a"].emitted == 1
