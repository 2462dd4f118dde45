"""Every decoded frame has exactly one fate: emitted, or dropped, or failed, with the reason."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from threading import Lock
from time import monotonic

from pipeline.frame import Item, Ticket
from pipeline.runtime.stats import Histogram


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
    """The books of a run, one for each stream. Called from every thread."""

    def __init__(self) -> None:
        self._opening = Lock()  # of books
        self._books: dict[str, _Book] = {}

    @property
    def balances(self) -> dict[str, Balance]:
        """The balances of the streams that are there now, by name."""
        with self._opening:
            return {stream: book.balance for stream, book in self._books.items()}

    def balance(self, stream: str) -> Balance:
        """Return the balance of a stream, an empty one where nothing has come of it."""
        book = self._books.get(stream)
        return book.balance if book else Balance()

    def decoded(self, ticket: Ticket) -> None:
        """Open the account of a new frame."""
        self._book(ticket.stream).open(ticket)

    def skipped(self, stream: str, stage: str, reason: str) -> None:
        """A picture was sent and not decoded: it is counted, and has no account."""
        self._book(stream).skip(stage, reason)

    def split(self, item: Item, ends: int) -> None:
        """Note that each frame of `item` now goes several ways: each will report its fate."""
        for ticket in item.tickets:
            self._book(ticket.stream).split(ticket, ends)

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
        """Close the book of a stream that is no more; raises AssertionError if it does not."""
        with self._opening:
            book = self._books.pop(stream, _Book())
        book.check(stream)

    def check(self) -> None:
        """Assert that no frame is unaccounted for: called at the end of every run."""
        with self._opening:
            for stream, book in self._books.items():
                book.check(stream)

    def _settle(self, item: Item, fate: Fate, reason: tuple[str, str]) -> None:
        for ticket in item.tickets:
            self._book(ticket.stream).settle(ticket, fate, reason)

    def _book(self, stream: str) -> _Book:
        book = self._books.get(stream)
        if book is None:
            with self._opening:
                book = self._books.setdefault(stream, _Book())
        return book


class _Book:
    """The accounts of one stream by the index of the frame, and their balance.

    Each has a lock of its own: with one for all, twenty cameras queued for it, and a frame waited
    for 20 ms on its way to a sink.
    """

    def __init__(self) -> None:
        self.balance = Balance()
        self._lock = Lock()
        self._accounts: dict[int, _Account] = {}

    def open(self, ticket: Ticket) -> None:
        """Open the account of a new frame."""
        with self._lock:
            assert ticket.index not in self._accounts, f"{ticket} was decoded twice"
            self._accounts[ticket.index] = _Account()
            self.balance.decoded += 1

    def skip(self, stage: str, reason: str) -> None:
        """Count a picture that has no account."""
        with self._lock:
            self.balance.skipped[stage, reason] += 1

    def split(self, ticket: Ticket, ends: int) -> None:
        """Expect a fate from each of so many ends, where one was expected."""
        with self._lock:
            self._accounts[ticket.index].ends += ends - 1

    def settle(self, ticket: Ticket, fate: Fate, reason: tuple[str, str]) -> None:
        """Note the fate that one end reports; with the last one the account is closed."""
        with self._lock:
            account = self._accounts[ticket.index]
            account.ends -= 1
            if fate is Fate.EMITTED:
                account.emitted_at = monotonic()
            if account.fate is None or fate.value > account.fate.value:
                account.fate, account.reason = fate, reason
            if not account.ends:
                self._close(ticket, account)

    def check(self, stream: str) -> None:
        """Assert that every account is closed, and that the balance is even."""
        with self._lock:
            left = list(self._accounts)[:10]
            assert not left, f"frames without a fate: {left} of '{stream}'"
            balance = self.balance
            assert balance.decoded == balance.settled, f"'{stream}' does not balance: {balance}"

    def _close(self, ticket: Ticket, account: _Account) -> None:
        del self._accounts[ticket.index]
        balance = self.balance
        if account.fate is Fate.EMITTED:
            balance.emitted += 1
            balance.latency.record(account.emitted_at - ticket.captured_at)
        elif account.fate is Fate.DROPPED:
            balance.dropped[account.reason] += 1
        else:
            balance.failed[account.reason] += 1
