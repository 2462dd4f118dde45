"""The books of a run: every frame has one fate, the strongest that one of its ends reports."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import permutations
from threading import Event
from time import monotonic

import pytest

from pipeline.frame import Ticket
from pipeline.runtime import ledger as ledger_module
from pipeline.runtime.ledger import Balance, Ledger


@dataclass(frozen=True)
class Held:
    """Something under way that holds these frames."""

    tickets: tuple[Ticket, ...]


REPORTS: dict[str, Callable[[Ledger, Held], None]] = {
    "emitted": lambda ledger, item: ledger.emitted(item),
    "dropped": lambda ledger, item: ledger.dropped(item, "sink", "overflow"),
    "failed": lambda ledger, item: ledger.failed(item, "sink", "broke"),
}


def frames(ledger: Ledger, count: int, stream: str = "a") -> Held:
    """Return an item with so many new frames."""
    tickets = tuple(Ticket(stream, index, 0.0) for index in range(count))
    for ticket in tickets:
        ledger.decoded(ticket)
    return Held(tickets)


def fates(balance: Balance) -> dict[str, int]:
    """Return how many frames met each fate that any met."""
    counts = {
        "emitted": balance.emitted,
        "dropped": balance.dropped.total(),
        "failed": balance.failed.total(),
    }
    return {fate: count for fate, count in counts.items() if count}


@pytest.mark.parametrize("order", list(permutations(REPORTS)))
@pytest.mark.parametrize(
    ("told", "fate"),
    [
        ({"dropped"}, "dropped"),
        ({"dropped", "emitted"}, "emitted"),
        ({"dropped", "failed"}, "failed"),
        ({"emitted", "failed"}, "failed"),
        ({"dropped", "emitted", "failed"}, "failed"),
    ],
)
def test_the_strongest_word_counts_in_whatever_order_the_ends_report(
    order: tuple[str, ...], told: set[str], fate: str
) -> None:
    ledger = Ledger()
    item = frames(ledger, 3)
    ledger.split(item, len(told))
    for report in order:
        if report in told:
            REPORTS[report](ledger, item)
    assert fates(ledger.balances["a"]) == {fate: 3}
    ledger.check()


def test_a_frame_is_settled_only_when_all_its_ends_have_reported() -> None:
    ledger = Ledger()
    item = frames(ledger, 1)
    ledger.split(item, 2)
    ledger.split(item, 3)  # one of the two ways forks again
    for _ in range(3):
        ledger.emitted(item)
    assert fates(ledger.balances["a"]) == {}
    with pytest.raises(AssertionError, match="frames without a fate"):
        ledger.check()
    ledger.emitted(item)
    assert fates(ledger.balances["a"]) == {"emitted": 1}
    ledger.check()


def test_a_frame_settled_twice_is_a_bug() -> None:
    ledger = Ledger()
    item = frames(ledger, 1)
    ledger.emitted(item)
    with pytest.raises(KeyError):
        ledger.dropped(item, "sink", "overflow")


def test_a_frame_decoded_twice_is_a_bug() -> None:
    ledger = Ledger()
    item = frames(ledger, 1)
    with pytest.raises(AssertionError, match="decoded twice"):
        ledger.decoded(item.tickets[0])


def test_streams_are_balanced_apart_and_reasons_are_kept() -> None:
    ledger = Ledger()
    ledger.dropped(frames(ledger, 2, "a"), "decode", "stride")
    ledger.failed(frames(ledger, 1, "b"), "infer", "broke")
    a, b = ledger.balances["a"], ledger.balances["b"]
    assert (a.decoded, a.settled, dict(a.dropped)) == (2, 2, {("decode", "stride"): 2})
    assert (b.decoded, b.settled, dict(b.failed)) == (1, 1, {("infer", "broke"): 1})
    ledger.check()


def test_latency_is_taken_of_emitted_frames_alone() -> None:
    ledger = Ledger()
    ledger.emitted(frames(ledger, 2, "a"))
    ledger.dropped(frames(ledger, 3, "b"), "decode", "stride")
    assert [ledger.balances[stream].latency.count for stream in "ab"] == [2, 0]


def test_what_was_skipped_before_decoding_is_counted_beside_the_frames() -> None:
    ledger = Ledger()
    ledger.emitted(frames(ledger, 1))
    for _ in range(3):
        ledger.skipped("a", "decode", "late")
    balance = ledger.balances["a"]
    assert (balance.decoded, balance.settled) == (1, 1)
    assert balance.skipped == {("decode", "late"): 3}
    ledger.check()


def test_latency_ends_with_the_last_sink_that_has_written_not_with_one_that_leaves_out() -> None:
    ledger = Ledger()
    ticket = Ticket("a", 0, monotonic())
    frame = Held((ticket,))
    ledger.decoded(ticket)
    ledger.split(frame, 2)
    ledger.emitted(frame)
    emitted_by = monotonic()
    Event().wait(0.02)
    ledger.dropped(frame, "viewer", "not connected")
    assert 0 < ledger.balances["a"].latency.max <= emitted_by - ticket.captured_at


def test_whoever_writes_in_the_book_of_one_stream_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = Ledger()
    writing, go_on = Event(), Event()
    held = frames(ledger, 1, "a")

    def slowly() -> float:
        writing.set()
        go_on.wait(30)
        return 1.0

    monkeypatch.setattr(ledger_module, "monotonic", slowly)  # read with the book in hand
    with ThreadPoolExecutor() as threads:
        slow = threads.submit(ledger.emitted, held)
        assert writing.wait(30)
        other = threads.submit(frames, ledger, 3, "b")
        try:
            assert len(other.result(timeout=20).tickets) == 3
            assert ledger.balances["b"].decoded == 3
        finally:
            go_on.set()
        slow.result(timeout=20)
    assert ledger.balances["a"].emitted == 1
