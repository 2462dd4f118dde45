"""One thread for each transport: reads the outbox in order, delivers, and tries again."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any, Protocol

from pipeline.connections.backoff import STEADY_SECONDS
from pipeline.connections.status import Cause, Trouble
from pipeline.delivery.message import Message, message_of
from pipeline.delivery.retries import Undelivered
from pipeline.delivery.transport import Transport
from pipeline.rate_limited_log import RateLimitedLog
from pipeline.store.database import StoreError
from pipeline.store.outbox import Backlog, OutboxRow

STORE_PAUSE = 2.0  # seconds until a store that could not be read is read again


class Rows(Protocol):
    """The outbox, as a deliverer needs it; see `pipeline.store.outbox.Outbox`."""

    def next_rows(
        self, transport: str, limit: int, without: Collection[str] = ()
    ) -> list[OutboxRow]:
        """Return the oldest rows that are not acknowledged; raises StoreError."""

    def acknowledge(self, ids: Iterable[int]) -> None:
        """Delete rows soon; never waits."""

    def backlog(self, transport: str) -> Backlog:
        """Return how much waits; raises StoreError."""


@dataclass(frozen=True, slots=True)
class _Failing:
    """How long a stream, or the whole transport, must wait.

    failures: in a row
    """

    failures: int
    due_at: float


_NONE = _Failing(0, float("-inf"))


class Deliverer:
    """Delivers the rows of one transport until it is stopped.

    A row is acknowledged when its receiver has it. Rows of one stream are delivered in order; while
    the first one fails, the others of that stream wait.

    name: of the transport in the outbox
    kind: scheme or ending, for the report
    clock: seconds that never go back
    """

    def __init__(
        self,
        name: str,
        kind: str,
        transport: Transport,
        outbox: Rows,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.name = name
        self.transport = transport
        self._kind = kind
        self._outbox = outbox
        self._clock = clock
        self._log = RateLimitedLog(f"deliver '{name}'", clock)
        self._thread = Thread(target=self._run, name=f"deliver {name}")
        self._draining = Event()
        self._stopped = Event()
        self._lock = Lock()  # of what the figures show
        self._whole = _NONE
        self._connected_at: float | None = None
        self._streams: dict[str, _Failing] = {}
        self._ended: Trouble | None = None  # the receiver wants no more
        self._delivered = self._failures = 0
        self._last: Trouble | None = None
        self._left: Backlog | None = None  # what the end of the run leaves to the next one
        transport.on_connected = self._connected

    def start(self) -> None:
        """Begin to deliver, on a thread of its own."""
        self._thread.start()

    def wake(self) -> None:
        """Look for new rows now. Any thread."""
        self.transport.wake()

    def drain(self) -> None:
        """End as soon as all rows are delivered, or one fails."""
        self._draining.set()
        self.transport.wake()

    def join(self, seconds: float) -> bool:
        """Wait for the end, and return whether it has come."""
        if self._thread.ident is not None:
            self._thread.join(max(0.0, seconds))
        return not self._thread.is_alive()

    def interrupt(self) -> None:
        """End now, whatever the receiver does; undelivered rows stay in the outbox."""
        self._stopped.set()
        self._draining.set()
        self.transport.interrupt()
        self.transport.wake()
        if self._thread.ident is None:  # it was never started
            self.transport.close()

    def remember_backlog(self) -> None:
        """Keep what waits now for the figures, because the outbox will be closed."""
        self._left = self._backlog()

    def figures(self) -> dict[str, Any]:
        """Return what the report shows, ready for JSON and without secrets. Any thread.

        pending, dropped: None if the store cannot be read
        failures: attempts that failed; waiting: streams whose first row failed
        """
        backlog = self._left or self._backlog()
        with self._lock:
            return {
                "name": self.name,
                "kind": self._kind,
                "state": self._state(),
                "pending": backlog.rows if backlog else None,
                "dropped": backlog.dropped if backlog else None,
                "delivered": self._delivered,
                "failures": self._failures,
                "waiting": sorted(self._streams),
                "last_error": str(self._last) if self._last else None,
            }

    def _backlog(self) -> Backlog | None:
        try:
            return self._outbox.backlog(self.name)
        except StoreError:
            return None

    def _state(self) -> str:
        if self._ended:
            return "disabled"
        if self._stopped.is_set() or not self._thread.is_alive():
            return "stopped"
        whole = self._whole.failures and self._connected_at is None
        return "failing" if whole or self._streams else "delivering"

    def _run(self) -> None:
        try:
            while not self._stopped.is_set() and not self._ended:
                is_last = self._draining.is_set()  # asked before the look for rows
                if not self._round() and is_last:
                    return
            self._draining.wait()
        finally:
            self.transport.close()

    def _round(self) -> bool:
        """Deliver some rows, or wait for them; return whether there is hope for more at once."""
        try:
            return self._deliver_due()
        except Undelivered as error:
            self._failed(error, None)
        except StoreError as error:
            self._log.log(logging.WARNING, str(error), "store")
            self._pause(STORE_PAUSE)
        except Exception as error:  # a bug must not end the delivery of all that follows
            said = f"internal error: {type(error).__name__}"
            self._log.log(logging.ERROR, said, said, traceback.format_exc())
            self._failed(Undelivered(Trouble(Cause.BAD_DATA, said)), None)
        return False

    def _deliver_due(self) -> bool:
        if (seconds := self._whole.due_at - self._clock()) > 0:
            self._pause(seconds)
            return False
        if rows := self._next_rows():
            self._deliver([message_of(row) for row in rows])
            return True
        if not self._draining.is_set():
            self.transport.wait(self._seconds_to_a_stream())
        return False

    def _deliver(self, messages: Sequence[Message]) -> None:
        """Hand messages to the transport; a failure of one stream is not a failure of all."""
        done: list[Message] = []
        try:
            self.transport.deliver(messages, done.append)
        except Undelivered as error:
            self._acknowledge(done)
            if error.whole or error.final:
                raise
            self._failed(error, messages[len(done)].stream)
        else:
            self._acknowledge(done)

    def _acknowledge(self, done: Sequence[Message]) -> None:
        if not done:
            return
        with self._lock:
            self._delivered += len(done)
            recovered = self._whole.failures if self._connected_at is None else 0
            self._whole = _NONE
            for stream in {message.stream for message in done}:
                recovered += self._streams.pop(stream, _NONE).failures
        if recovered:
            self._log.log(logging.INFO, "delivers again", "again")
        self._outbox.acknowledge([message.row for message in done])

    def _connected(self) -> None:
        """Note a new connection; whether it is good for anything shows later."""
        with self._lock:
            self._connected_at = self._clock()
        if self._whole.failures:
            self._log.log(logging.INFO, "connected again", "again")

    def _next_rows(self) -> list[OutboxRow]:
        """Return a batch of the rows that are due, in order."""
        now = self._clock()
        held = [stream for stream, failing in self._streams.items() if failing.due_at > now]
        rows = self._outbox.next_rows(self.name, self.transport.batch, held)
        if not rows:
            with self._lock:  # nothing waits of the streams that are due: it was dropped
                self._streams = {stream: self._streams[stream] for stream in held}
        return rows

    def _pause(self, seconds: float) -> None:
        if not self._draining.is_set():
            self.transport.pause(seconds)

    def _seconds_to_a_stream(self) -> float | None:
        """Return the seconds until a waiting stream may try again, None if none waits."""
        due = [failing.due_at for failing in self._streams.values()]
        return max(0.0, min(due) - self._clock()) if due else None

    def _failed(self, error: Undelivered, stream: str | None) -> None:
        """Note a failure of a stream's first row, or of the whole transport (None)."""
        if self._stopped.is_set():
            return  # we have broken it off ourselves
        now = self._clock()
        before = self._whole if stream is None else self._streams.get(stream, _NONE)
        if stream is None and self._connected_at is not None:
            if now - self._connected_at >= STEADY_SECONDS:
                before = _NONE
            self._connected_at = None
        failures = before.failures + 1
        wait = self.transport.schedule.wait(failures, error)
        failing = _Failing(failures, now + wait)
        with self._lock:
            self._failures += 1
            self._last = error.trouble
            if error.final:
                self._ended = error.trouble
            elif stream is None:
                self._whole = failing
            else:
                self._streams[stream] = failing
                self._whole = _NONE  # the receiver answers
        whose = f"'{stream}': " if stream else ""
        then = (
            "not tried again before a restart" if error.final else f"next attempt in {wait:.0f} s"
        )
        kind = error.trouble.cause.value + whose
        self._log.log(logging.WARNING, f"{whose}{error.trouble}; {then}", kind)
