"""A stage on a frame's path, and the loop that runs it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from time import monotonic
from typing import Any, Generic, Protocol, TypeVar

from pipeline.frames.fate import NotWritten, Ticket
from pipeline.frames.item import Item, tickets_of
from pipeline.runtime.stats import Histogram, StageStats

In = TypeVar("In", bound=Item)
Out = TypeVar("Out", bound=Item)
Sent_contra = TypeVar("Sent_contra", bound=Item, contravariant=True)


class Stage(Generic[In, Out]):
    """One stage on a frame's path: plain code that owns no thread and no queue."""

    def open(self) -> None:
        """Acquire resources, on the thread that will use them (a CUDA context stays there)."""

    def process(self, item: In) -> Iterable[Out]:
        """Return zero, one or many results for one item, on the stage's thread."""
        raise NotImplementedError

    def finish(self) -> Iterable[Out]:
        """Return the results still held at the end of the stream, on the stage's thread."""
        return ()

    def close(self) -> None:
        """Release resources, on the stage's thread. Always called, also after a failure."""


class Outbox(Protocol[Sent_contra]):
    """The destination of a stage's results: a channel, or something that sends on to channels."""

    def send(self, item: Sent_contra) -> None:
        """Take over `item` in any case; raise Cancelled if nothing more is received."""

    def close(self, failure: BaseException | None = None) -> None:
        """End the stream, with the failure if it is incomplete."""


class Probe:
    """Measures a stage from outside: the frames it holds, and how long it works.

    The stage holds the frames that went in and have not come out; they are lost if it fails.

    reads: the inbox is a video source, so that waiting for it is part of the stage's work
    at_work_since: when the stage began its current item; None while it waits for other stages
    """

    def __init__(self, *, reads: bool = False) -> None:
        self.held: dict[Ticket, None] = {}  # a set that keeps its order
        # seconds since capture of the frames that came out, by stream; without frames not written
        self.ages: defaultdict[str, Histogram] = defaultdict(Histogram)
        self.stats = StageStats()
        self.reads = reads
        self.at_work_since: float | None = None
        self._began_at = monotonic()

    def take(self, item: Item) -> None:
        """Note that `item` went in: its work begins, or began with the wait if the stage reads."""
        self.held.update(dict.fromkeys(tickets_of(item)))
        self.stats.items += 1
        now = self.at_work_since = monotonic()
        if not self.reads:
            self._began_at = now

    @contextmanager
    def handing_over(self, item: Item) -> Iterator[None]:
        """Note that `item` comes out; the time inside this context is waiting, not work."""
        left_at = monotonic()
        for ticket in tickets_of(item):
            self.held.pop(ticket, None)  # frames that a decoder makes never went in
            if not isinstance(item, NotWritten):
                self.ages[ticket.stream].record(left_at - ticket.captured_at)
        self.at_work_since = None
        yield
        now = self.at_work_since = monotonic()
        self.stats.send_waits += now - left_at
        self._began_at += now - left_at

    def done(self) -> None:
        """Note that the work on the last item is done."""
        now = monotonic()
        self.stats.worked.record(now - self._began_at)
        self._began_at = now
        self.at_work_since = now if self.reads else None

    def finishing(self) -> None:
        """Note that the inbox has ended, and the stage works on the frames it holds."""
        self.at_work_since = monotonic()


def drive(stage: Stage[In, Out], inbox: Iterable[In], outbox: Outbox[Out], probe: Probe) -> None:
    """Run one stage from its first item to its last, on the current thread."""
    with closing(stage):
        stage.open()
        for item in inbox:
            probe.take(item)
            for result in stage.process(item):
                with probe.handing_over(result):
                    outbox.send(result)
            probe.done()
        probe.finishing()
        for result in stage.finish():
            with probe.handing_over(result):
                outbox.send(result)
    assert not probe.held, f"{stage} swallowed {list(probe.held)[:10]}"
    outbox.close()  # not reached after a failure: an incomplete stream never looks complete


class Chain(Stage[In, Out]):
    """Two stages on one thread: the results of the first go through the second."""

    def __init__(self, first: Stage[In, Any], second: Stage[Any, Out]) -> None:
        self._first = first
        self._second = second

    def open(self) -> None:
        """Open both, the first one first."""
        self._first.open()
        self._second.open()

    def process(self, item: In) -> Iterable[Out]:
        """Send `item` through both."""
        return self._through(self._first.process(item))

    def finish(self) -> Iterable[Out]:
        """Finish both; the results that the first still held go through the second."""
        yield from self._through(self._first.finish())
        yield from self._second.finish()

    def close(self) -> None:
        """Close both, the second one first."""
        with closing(self._first):
            self._second.close()

    def _through(self, items: Iterable[Any]) -> Iterable[Out]:
        for item in items:
            yield from self._second.process(item)
