"""`drive` runs a stage from its first item to its last, and the probe measures it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from pipeline.frames.fate import Fate, NotWritten, Ticket
from pipeline.runtime.stage import Chain, Probe, Stage, drive

TICKETS = [Ticket("cam", index, 0.0) for index in range(4)]


class Outbox:
    """Collects the items that are sent, and how the stream ended."""

    def __init__(self) -> None:
        self.items: list[Ticket | NotWritten] = []
        self.closed = 0

    def send(self, item: Ticket | NotWritten) -> None:
        self.items.append(item)

    def close(self, failure: BaseException | None = None) -> None:
        assert failure is None
        self.closed += 1


class Delay(Stage[Ticket, Ticket]):
    """Returns each ticket one item later, and the last one at the end; notes its calls."""

    def __init__(self, name: str, calls: list[str], fails_at: int | None = None) -> None:
        self.name, self.calls, self.fails_at = name, calls, fails_at
        self.held: list[Ticket] = []

    def open(self) -> None:
        self.calls.append(f"open {self.name}")

    def process(self, item: Ticket) -> Iterable[Ticket]:
        if item.index == self.fails_at:
            raise ValueError("injected")
        done, self.held = self.held, [item]
        return done

    def finish(self) -> Iterable[Ticket]:
        done, self.held = self.held, []
        return done

    def close(self) -> None:
        self.calls.append(f"close {self.name}")


def test_results_come_in_order_and_the_outbox_is_closed_at_the_end() -> None:
    calls: list[str] = []
    outbox, probe = Outbox(), Probe()
    drive(Delay("a", calls), TICKETS, outbox, probe)
    assert outbox.items == TICKETS
    assert outbox.closed == 1
    assert calls == ["open a", "close a"]
    assert probe.stats.items == 4
    assert probe.ages["cam"].count == 4


def test_after_a_failure_the_stage_is_closed_but_the_outbox_is_not() -> None:
    calls: list[str] = []
    outbox, probe = Outbox(), Probe()
    with pytest.raises(ValueError, match="injected"):
        drive(Delay("a", calls, fails_at=2), TICKETS, outbox, probe)
    assert outbox.items == TICKETS[:1]
    assert outbox.closed == 0
    assert calls == ["open a", "close a"]
    assert list(probe.held) == [TICKETS[1], TICKETS[2]]  # the frames that are lost


def test_a_stage_that_loses_an_item_is_a_bug() -> None:
    class Loses(Delay):
        def finish(self) -> Iterable[Ticket]:
            return ()

    with pytest.raises(AssertionError, match="swallowed"):
        drive(Loses("a", []), TICKETS, Outbox(), Probe())


def test_a_chain_opens_forwards_and_closes_its_last_stage_first() -> None:
    calls: list[str] = []
    outbox, probe = Outbox(), Probe()
    drive(Chain(Delay("a", calls), Delay("b", calls)), TICKETS, outbox, probe)
    assert outbox.items == TICKETS
    assert calls == ["open a", "open b", "close b", "close a"]


def test_a_chain_closes_both_stages_if_the_second_cannot_be_closed() -> None:
    class Stuck(Delay):
        def close(self) -> None:
            raise OSError("injected")

    calls: list[str] = []
    with pytest.raises(OSError, match="injected"):
        Chain(Delay("a", calls), Stuck("b", calls)).close()
    assert calls == ["close a"]


def test_the_age_of_a_frame_that_is_not_written_is_not_measured() -> None:
    probe = Probe()
    probe.take(TICKETS[0])
    with probe.handing_over(NotWritten(TICKETS[0], "no room", Fate.DROPPED)):
        assert probe.at_work_since is None
    assert not probe.held
    assert not probe.ages


def test_a_stage_is_at_work_between_an_item_and_its_result() -> None:
    probe = Probe()
    assert probe.at_work_since is None
    probe.take(TICKETS[0])
    assert probe.at_work_since is not None
    probe.done()
    assert probe.at_work_since is None


def test_a_stage_that_reads_is_at_work_while_it_waits_for_its_source() -> None:
    probe = Probe(reads=True)
    probe.take(TICKETS[0])
    probe.done()
    assert probe.at_work_since is not None
