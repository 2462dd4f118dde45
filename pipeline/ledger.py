"""Every decoded frame has exactly one fate: emitted, or dropped, or failed, with the reason."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from threading import Lock
from time import monotonic

from pipeline.frame import Item, Ticket
from pipeline.stats import Histogram


class Fate(Enum):
    """What became of a frame; where several sinks disagree, the strongest word counts."""

    DROPPED = 1  # left out on purpose: by stride, by overflow
    EMITTED = 2  # at least one sink has written it
    FAILED = 3  # a stage broke, or the run was cancelled, while it held the frame


@dataclass(slots=True)
class _Account:
    """A frame that is under way: how many ends it still has, and the strongest word on it.

    emitted_at: when the last of the sinks that have written it did
    """

    ends: int = 1
    fate: Fate | None = None
    reason: tuple[str, str] = ("", "")
    emitted_at: float = 0.0


@dataclass(slots=True)
class Balance:
    """The frames of one stream by fate; dropped and failed by (stage, reason).

    skipped: pictures that were sent and never became frames, by (stage, reason)
    """

    skipped: Counter[tuple[str, str]] = field(default_factory=Counter)
    decoded: int = 0
    emitted: int = 0
    dropped: Counter[tuple[str, str]] = field(default_factory=Counter)
    failed: Counter[tuple[str, str]] = field(default_factory=Counter)
    latency: Histogram = field(default_factory=Histogram)

    @property
    def settled(self) -> int:
        """How many frames have met their fate."""
        return self.emitted + self.dropped.total() + self.failed.total()


class Ledger:
    """The books of a run. Called from every thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._open: dict[Ticket, _Account] = {}
        self.balances: dict[str, Balance] = {}

    def decoded(self, ticket: Ticket) -> None:
        """Open the account of a new frame."""
        with self._lock:
            assert ticket not in self._open, f"{ticket} was decoded twice"
            self._open[ticket] = _Account()
            self.balances.setdefault(ticket.stream, Balance()).decoded += 1

    def skipped(self, stream: str, stage: str, reason: str) -> None:
        """A picture was sent and not decoded: it is counted, and has no account."""
        with self._lock:
            self.balances.setdefault(stream, Balance()).skipped[stage, reason] += 1

    def split(self, item: Item, ends: int) -> None:
        """Note that each frame of `item` now goes several ways: each will report its fate."""
        with self._lock:
            for ticket in item.tickets:
                self._open[ticket].ends += ends - 1

    def emitted(self, item: Item) -> None:
        """A sink has written the frames of `item`."""
        self._settle(item, Fate.EMITTED, ("", ""))

    def dropped(self, item: Item, stage: str, reason: str) -> None:
        """A stage left the frames of `item` out, by policy."""
        self._settle(item, Fate.DROPPED, (stage, reason))

    def failed(self, item: Item, stage: str, reason: str) -> None:
        """A stage lost the frames of `item`."""
        self._settle(item, Fate.FAILED, (stage, reason))

    def forget(self, stream: str) -> None:
        """Close the books of a stream that is no more; raises AssertionError if they do not."""
        with self._lock:
            balance = self.balances.pop(stream, Balance())
            assert balance.decoded == balance.settled, f"'{stream}' does not balance: {balance}"

    def check(self) -> None:
        """Assert that no frame is unaccounted for: called at the end of every run."""
        with self._lock:
            assert not self._open, f"frames without a fate: {list(self._open)[:10]}"
            for stream, balance in self.balances.items():
                assert balance.decoded == balance.settled, f"'{stream}' does not balance: {balance}"

    def _settle(self, item: Item, fate: Fate, reason: tuple[str, str]) -> None:
        with self._lock:
            for ticket in item.tickets:
                account = self._open[ticket]
                account.ends -= 1
                if fate is Fate.EMITTED:
                    account.emitted_at = monotonic()
                if account.fate is None or fate.value > account.fate.value:
                    account.fate, account.reason = fate, reason
                if not account.ends:
                    self._close(ticket, account)

    def _close(self, ticket: Ticket, account: _Account) -> None:
        del self._open[ticket]
        balance = self.balances[ticket.stream]
        if account.fate is Fate.EMITTED:
            balance.emitted += 1
            balance.latency.record(account.emitted_at - ticket.captured_at)
        elif account.fate is Fate.DROPPED:
            balance.dropped[account.reason] += 1
        else:
            balance.failed[account.reason] += 1
