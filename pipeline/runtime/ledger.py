"""The ledger: every decoded frame ends with exactly one fate, and a reason unless it is emitted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic

from pipeline.frames.fate import Fate, Ticket
from pipeline.frames.item import Item, tickets_of
from pipeline.runtime.stats import Histogram


@dataclass(slots=True)
class _Account:
    """A frame that has not ended: the ends that have not reported, and the fate so far.

    emitted_at: when the last sink that has written the frame did so
    """

    ends: int = 1
    fate: Fate | None = None
    reason: tuple[str, str] = ("", "")
    emitted_at: float = 0.0


@dataclass(slots=True)
class Balance:
    """The frames of one stream by fate; dropped and failed by (stage, reason).

    skipped: pictures that were sent but never decoded, by (stage, reason)
    """

    skipped: Counter[tuple[str, str]] = field(default_factory=Counter)
    decoded: int = 0
    emitted: int = 0
    dropped: Counter[tuple[str, str]] = field(default_factory=Counter)
    failed: Counter[tuple[str, str]] = field(default_factory=Counter)
    latency: Histogram = field(default_factory=Histogram)

    @property
    def settled(self) -> int:
        """How many frames have ended."""
        return self.emitted + self.dropped.total() + self.failed.total()


class Ledger:
    """The accounts of a run, in one book for each stream. Called from every thread.

    clock: seconds, as `Frame.captured_at` counts them
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = Lock()  # guards the table of books
        self._books: dict[str, _Book] = {}

    @property
    def balances(self) -> dict[str, Balance]:
        """The balances of the current streams, by name."""
        with self._lock:
            return {stream: book.balance for stream, book in self._books.items()}

    def balance(self, stream: str) -> Balance:
        """Return the balance of a stream; an empty one if the ledger does not know it."""
        book = self._books.get(stream)
        return book.balance if book else Balance()

    def decoded(self, ticket: Ticket) -> None:
        """Open the account of a new frame."""
        self._book(ticket.stream).open(ticket)

    def skipped(self, stream: str, stage: str, reason: str) -> None:
        """Count a picture that was sent but not decoded; it has no account."""
        self._book(stream).skip(stage, reason)

    def split(self, item: Item, ends: int) -> None:
        """Note that each frame of `item` now goes to several ends, each of which reports."""
        for ticket in tickets_of(item):
            self._book(ticket.stream).split(ticket, ends)

    def emitted(self, item: Item) -> None:
        """Note that a sink has written the frames of `item`."""
        self._settle(item, Fate.EMITTED, ("", ""))

    def dropped(self, item: Item, stage: str, reason: str) -> None:
        """Note that a stage left the frames of `item` out on purpose."""
        self._settle(item, Fate.DROPPED, (stage, reason))

    def failed(self, item: Item, stage: str, reason: str) -> None:
        """Note that a stage lost the frames of `item`."""
        self._settle(item, Fate.FAILED, (stage, reason))

    def forget(self, stream: str) -> None:
        """Close the book of a stream that has ended; AssertionError if it does not balance."""
        with self._lock:
            book = self._books.pop(stream, None)
        if book:
            book.check(stream)

    def check(self) -> None:
        """Assert that every frame has a fate. Called at the end of every run."""
        with self._lock:
            for stream, book in self._books.items():
                book.check(stream)

    def _settle(self, item: Item, fate: Fate, reason: tuple[str, str]) -> None:
        for ticket in tickets_of(item):
            self._book(ticket.stream).settle(ticket, fate, reason)

    def _book(self, stream: str) -> _Book:
        book = self._books.get(stream)
        if book is None:
            with self._lock:
                book = self._books.setdefault(stream, _Book(self._clock))
        return book


class _Book:
    """The accounts of one stream by frame index, and their balance.

    Each book has its own lock: with one lock for all, twenty cameras queued for it, and a frame
    waited 20 ms for it on its way to a sink.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.balance = Balance()
        self._clock = clock
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
        """Replace one expected end by `ends` of them."""
        with self._lock:
            self._accounts[ticket.index].ends += ends - 1

    def settle(self, ticket: Ticket, fate: Fate, reason: tuple[str, str]) -> None:
        """Note the fate that one end reports; the last report closes the account."""
        with self._lock:
            account = self._accounts[ticket.index]
            account.ends -= 1
            if fate is Fate.EMITTED:
                account.emitted_at = self._clock()
            if account.fate is None or fate.value > account.fate.value:
                account.fate, account.reason = fate, reason
            if not account.ends:
                self._close(ticket, account)

    def check(self, stream: str) -> None:
        """Assert that every account is closed, and that the fates add up."""
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
