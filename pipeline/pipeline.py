"""The runner: owns every thread and every channel, and is the only one to start or join one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from time import monotonic, process_time
from typing import Any, Protocol

from detector.errors import FramelaneError
from pipeline.channel import Cancelled, UpstreamFailed
from pipeline.ledger import Ledger
from pipeline.stage import Outbox, Probe, Stage, drive
from pipeline.stats import ChannelStats

log = logging.getLogger("framelane")


class Inbox(Protocol):
    """Where a stage's items come from: a channel, a lane, or a source."""

    @property
    def stats(self) -> ChannelStats:
        """How the stage waits for its items."""

    def __iter__(self) -> Iterator[Any]:
        """Receive until the end of the stream."""

    def cancel(self) -> None:
        """Tell the other side that nobody listens any more; wake who waits. May be repeated."""


@dataclass(frozen=True, eq=False)
class Worker:
    """A stage with its thread's name and both its ends.

    stream: whose outcome a failure decides; None for the shared stops, where it ends the run
    """

    name: str
    stage: Stage[Any, Any]
    inbox: Inbox
    outbox: Outbox[Any]
    stream: str | None = None
    probe: Probe = field(default_factory=Probe)


@dataclass(frozen=True, slots=True)
class Failure:
    """A stage that broke: which, of which stream (None: a shared one), and why."""

    stage: str
    stream: str | None
    error: BaseException


class Pipeline:
    """Threads over a described graph: started once, ended well, by request or by failure.

    A stage of one stream that breaks ends that stream: downstream learns that it is incomplete,
    upstream that nobody listens. A shared stage that breaks ends the run.

    finalizers: called after every thread has ended (the engine is closed there)
    """

    def __init__(
        self,
        workers: Sequence[Worker],
        ledger: Ledger,
        *,
        stop_sources: Callable[[], None],
        finalizers: Sequence[Callable[[], None]] = (),
    ) -> None:
        self.workers = tuple(workers)
        self.ledger = ledger
        self.failures: list[Failure] = []  # first cause first
        self.cancelled = False
        self.seconds = 0.0
        self.cpu_seconds = 0.0  # of the whole process: runtimes and codecs have their own threads
        self._stop_sources = stop_sources
        self._finalizers = finalizers
        self._lock = Lock()
        self._running = len(self.workers)
        self._ended = Event()
        self._threads = [
            Thread(target=self._run, args=(worker,), name=worker.name) for worker in self.workers
        ]

    def run(self) -> None:
        """Start, and wait for the end."""
        self.start()
        self.wait()
        self.join()

    def start(self) -> None:
        """Start every thread, the last of the path first, so that nobody sends into the void."""
        self._started_at, self._cpu_before = monotonic(), process_time()
        for thread in reversed(self._threads):
            thread.start()

    def wait(self, seconds: float | None = None) -> bool:
        """Return whether all threads have ended, after at most so many seconds."""
        return self._ended.wait(seconds)

    def join(self) -> None:
        """Join the threads, release what they shared, and balance the books."""
        for thread in self._threads:
            thread.join()
        self.seconds = monotonic() - self._started_at
        self.cpu_seconds = process_time() - self._cpu_before
        for finalize in self._finalizers:
            finalize()
        try:
            self.ledger.check()
        except AssertionError as error:  # noted last: what failed before is more likely the cause
            self.failures.append(Failure("ledger", None, error))

    def stop(self) -> None:
        """End well: sources stop, what is in flight is finished, files are closed."""
        self._stop_sources()

    def cancel(self) -> None:
        """End now: every thread wakes, what is in flight is counted as failed."""
        self.cancelled = True
        self._stop_sources()
        for worker in self.workers:
            worker.inbox.cancel()

    def _run(self, worker: Worker) -> None:
        try:
            drive(worker.stage, worker.inbox, worker.outbox, worker.probe)
        except Cancelled as end:
            self._break_off(worker, end, "cancelled")
        except UpstreamFailed as end:
            self._break_off(worker, end, "the stream broke off")
        except Exception as error:
            self._note(worker, error)
            self._break_off(worker, error, str(error) or type(error).__name__)
        finally:
            self._leave()

    def _note(self, worker: Worker, error: Exception) -> None:
        if not isinstance(error, FramelaneError):  # no message for users, but a bug of ours
            log.error("stage '%s' broke", worker.name, exc_info=error)
        with self._lock:
            self.failures.append(Failure(worker.name, worker.stream, error))

    def _break_off(self, worker: Worker, end: BaseException, reason: str) -> None:
        for ticket in worker.probe.held:
            self.ledger.failed(ticket, worker.name, reason)
        worker.inbox.cancel()
        worker.outbox.close(end)
        if worker.stream is None and not self.cancelled:
            self.cancel()

    def _leave(self) -> None:
        with self._lock:
            self._running -= 1
            if not self._running:
                self._ended.set()
