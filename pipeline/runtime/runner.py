"""The runner: owns every thread and every channel, and is the only one to start or join one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from time import monotonic, process_time
from typing import Any, Protocol

from detector.errors import FramelaneError
from pipeline.runtime.channel import Cancelled, UpstreamFailed
from pipeline.runtime.ledger import Ledger
from pipeline.runtime.stage import Outbox, Probe, Stage, drive
from pipeline.runtime.stats import ChannelStats

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
    upstream that nobody listens. A shared stage that breaks ends the run. The workers of further
    streams may be added while it runs, and those of streams that have ended be retired.

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
        self.ledger = ledger
        self.failures: list[Failure] = []  # first cause first
        self.cancelled = False
        self.cpu_seconds = 0.0  # of the whole process: runtimes and codecs have their own threads
        self._stop_sources = stop_sources
        self._finalizers = finalizers
        self._lock = Lock()
        self._threads: dict[Worker, Thread] = {}  # in the order of the path
        self._begun = False
        self._ending = False
        self._started_at: float | None = None
        self._ended_at: float | None = None
        self._running = 0
        self._ended = Event()
        self.add(workers)

    @property
    def seconds(self) -> float:
        """How long the run has lasted."""
        if self._started_at is None:
            return 0.0
        return (self._ended_at or monotonic()) - self._started_at

    @property
    def workers(self) -> tuple[Worker, ...]:
        """The workers that are there now."""
        with self._lock:
            return tuple(self._threads)

    def add(self, workers: Sequence[Worker]) -> None:
        """Take on workers, in the order of their path; they begin at once if the run has begun.

        Raises FramelaneError where the run is ending.
        """
        with self._lock:
            if self._ending:
                raise FramelaneError("the run is ending: no stream can be added")
            threads = {
                worker: Thread(target=self._run, args=(worker,), name=worker.name)
                for worker in workers
            }
            self._threads |= threads
            self._running += len(threads)
            if self._begun:
                self._start(threads.values())

    def wait_for(self, workers: Sequence[Worker]) -> None:
        """Wait until these workers have ended, which they must be about to."""
        with self._lock:
            threads = [self._threads[worker] for worker in workers if self._begun]
        for thread in threads:
            thread.join()

    def forget(self, workers: Sequence[Worker]) -> None:
        """Let go of workers that have ended."""
        with self._lock:
            for worker in workers:
                del self._threads[worker]
                self._running -= not self._begun

    def run(self) -> None:
        """Start, and wait for the end."""
        self.start()
        self.wait()
        self.join()

    def start(self) -> None:
        """Start every thread."""
        self._started_at, self._cpu_before = monotonic(), process_time()
        with self._lock:
            self._begun = True
            self._start(self._threads.values())

    def wait(self, seconds: float | None = None) -> bool:
        """Return whether all threads have ended, after at most so many seconds."""
        return self._ended.wait(seconds)

    def join(self) -> None:
        """Join the threads, release what they shared, and balance the books."""
        with self._lock:
            threads = list(self._threads.values())
        for thread in threads:
            thread.join()
        self._ended_at = monotonic()
        self.cpu_seconds = process_time() - self._cpu_before
        for finalize in self._finalizers:
            finalize()
        try:
            self.ledger.check()
        except AssertionError as error:  # noted last: what failed before is more likely the cause
            self.failures.append(Failure("ledger", None, error))

    def stop(self) -> None:
        """End well: sources stop, what is in flight is finished, files are closed."""
        with self._lock:
            self._ending = True
        self._stop_sources()

    def cancel(self) -> None:
        """End now: every thread wakes, what is in flight is counted as failed."""
        self.cancelled = True
        self.stop()
        for worker in self.workers:
            worker.inbox.cancel()

    def _start(self, threads: Iterable[Thread]) -> None:
        """Start the last of the path first, so that nobody sends into the void."""
        for thread in reversed(list(threads)):
            thread.start()

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
            worker.probe.at_work_since = None
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
                self._ending = True
                self._ended.set()
