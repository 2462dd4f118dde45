"""The runner: owns every thread of a run; nothing else starts or joins one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from threading import Event, Lock, Thread
from time import monotonic, process_time
from typing import Any, Protocol

from detector.errors import FramelaneError
from pipeline.runtime.channel import Cancelled, UpstreamFailed
from pipeline.runtime.ledger import Ledger
from pipeline.runtime.stage import Outbox, Probe, Stage, drive
from pipeline.runtime.stats import ChannelStats

log = logging.getLogger("framelane")

END_SECONDS = 60.0  # for the threads of a stream of which not all could be started
NO_THREADS = "the system gives no more threads: end other streams or processes, or raise its limit"


class Inbox(Protocol):
    """The source of a stage's items: a channel, a lane, or a video source."""

    @property
    def stats(self) -> ChannelStats:
        """How long the stage has waited for its items."""

    def __iter__(self) -> Iterator[Any]:
        """Receive until the end of the stream."""

    def cancel(self) -> None:
        """Tell the sender to stop, and wake both sides. May be repeated."""


@dataclass(frozen=True, eq=False)
class Worker:
    """A stage with its inbox and outbox, and the name of its thread.

    stream: the one that a failure of this stage ends; None for a shared stage, which ends the run
    """

    name: str
    stage: Stage[Any, Any]
    inbox: Inbox
    outbox: Outbox[Any]
    stream: str | None = None
    probe: Probe = field(default_factory=Probe)


@dataclass(frozen=True, slots=True)
class Failure:
    """A stage that failed, its stream (None: a shared stage), and the error."""

    stage: str
    stream: str | None
    error: BaseException


class Pipeline:
    """One thread for each worker, started once, until the end of all streams, a stop or a failure.

    If a stage of one stream fails, that stream ends: the stages after it learn that the stream is
    incomplete, the stages before it that nothing is received any more. If a shared stage fails, the
    run ends. Workers of new streams may be added during the run, and those of ended streams
    removed.

    stop_sources: asks every source to end early
    starters: called by `start` before any thread starts; what they raise, `start` raises
    finalizers: called after every thread has ended (one closes the engine)
    """

    def __init__(
        self,
        workers: Sequence[Worker],
        ledger: Ledger,
        *,
        stop_sources: Callable[[], None],
        starters: Sequence[Callable[[], None]] = (),
        finalizers: Sequence[Callable[[], None]] = (),
    ) -> None:
        self.ledger = ledger
        self.failures: list[Failure] = []  # first cause first
        self.cancelled = False
        self._stop_sources = stop_sources
        self._starters = starters
        self._finalizers = finalizers
        self._lock = Lock()
        self._threads: dict[Worker, Thread] = {}  # in the order of the path
        self._started = False
        self._ending = False
        self._started_at: float | None = None
        self._ended_at: float | None = None
        self._cpu_before = 0.0  # seconds of the process at the start
        self._cpu_total: float | None = None  # of the run, once it has ended
        self._running = 0
        self._ended = Event()
        self.add(workers)

    @property
    def seconds(self) -> float:
        """How long the run has lasted so far."""
        if self._started_at is None:
            return 0.0
        return (self._ended_at or monotonic()) - self._started_at

    @property
    def cpu_seconds(self) -> float:
        """CPU time so far, of the whole process: runtimes and codecs have threads of their own."""
        if self._cpu_total is not None:
            return self._cpu_total
        return 0.0 if self._started_at is None else process_time() - self._cpu_before

    @property
    def ending(self) -> bool:
        """Whether the run was asked to end, or has ended: no stream can be added any more."""
        return self._ending

    @property
    def workers(self) -> tuple[Worker, ...]:
        """The current workers."""
        with self._lock:
            return tuple(self._threads)

    def add(self, workers: Sequence[Worker]) -> None:
        """Add workers, in the order of their path; they start at once if the run has started.

        Raises FramelaneError if the run is ending, or the system gives no threads for all of them;
        then none of them is left.
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
            started = not self._started or self._start(threads.values())
        if not started:
            self._remove_unstarted(threads)
            self.wait_for(workers, END_SECONDS)
            self.forget(workers)
            raise FramelaneError(NO_THREADS)

    def wait_for(self, workers: Sequence[Worker], seconds: float) -> bool:
        """Wait until these workers have ended, and return whether they have.

        Their source must have been stopped.
        """
        with self._lock:
            threads = [self._threads[each] for each in workers if each in self._threads]
            threads = threads if self._started else []
        until = monotonic() + seconds
        for thread in threads:
            thread.join(max(0.0, until - monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def forget(self, workers: Sequence[Worker]) -> None:
        """Remove workers that have ended, if they are still there."""
        with self._lock:
            for worker in workers:
                known = self._threads.pop(worker, None)
                self._running -= known is not None and not self._started

    def start(self) -> None:
        """Start every thread."""
        for starter in self._starters:
            starter()
        self._started_at, self._cpu_before = monotonic(), process_time()
        with self._lock:
            self._started = True
            threads = dict(self._threads)
            started = self._start(threads.values())
        if not started:
            self.failures.append(Failure("start", None, FramelaneError(NO_THREADS)))
            self._remove_unstarted(threads)
            self.cancel()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait up to `seconds` for the end; return whether all threads have ended."""
        return self._ended.wait(seconds)

    def join(self) -> None:
        """Join the threads, release what they shared, and check the ledger."""
        with self._lock:
            threads = list(self._threads.values())
        for thread in threads:
            thread.join()
        self._ended_at = monotonic()
        self._cpu_total = self.cpu_seconds
        for finalize in self._finalizers:
            try:
                finalize()
            except Exception as error:  # the results are complete: their report must not be lost
                self.failures.append(Failure("end", None, error))
        try:
            self.ledger.check()
        except AssertionError as error:  # the last failure: an earlier one is more likely the cause
            self.failures.append(Failure("ledger", None, error))

    def stop(self) -> None:
        """End in order: sources stop, frames in flight are finished, files are closed."""
        with self._lock:
            self._ending = True
        self._stop_sources()

    def cancel(self) -> None:
        """End now: every thread wakes, frames in flight count as failed."""
        self.cancelled = True
        with ExitStack() as steps:  # the last one first; each is taken although one fails
            for worker in reversed(self.workers):
                steps.callback(worker.inbox.cancel)
            steps.callback(self.stop)

    def _start(self, threads: Iterable[Thread]) -> bool:
        """Start the last stage of the path first, so that every receiver runs before its sender.

        Return whether the system gave enough threads.
        """
        try:
            for thread in reversed(list(threads)):
                thread.start()
        except RuntimeError:
            return False
        return True

    def _remove_unstarted(self, threads: Mapping[Worker, Thread]) -> None:
        """Forget the workers that have no running thread, and end those that wait for them."""
        unstarted = [worker for worker, thread in threads.items() if thread.ident is None]
        for worker in unstarted:
            self._break_off(worker, Cancelled(worker.name), "not started")
        self.forget(unstarted)
        for _ in unstarted:
            self._leave()

    def _run(self, worker: Worker) -> None:
        try:
            drive(worker.stage, worker.inbox, worker.outbox, worker.probe)
        except Cancelled as end:
            self._break_off(worker, end, "cancelled")
        except UpstreamFailed as end:
            self._break_off(worker, end, "the stream broke off")
        except BaseException as error:  # a library may raise SystemExit: nobody else would notice
            self._note(worker, error)
            self._break_off(worker, error, _reason(error))
            if not isinstance(error, FramelaneError):  # not a message for users, but a bug
                log.error("stage '%s' failed", worker.name, exc_info=error)
        finally:
            worker.probe.at_work_since = None
            self._leave()

    def _note(self, worker: Worker, error: BaseException) -> None:
        with self._lock:
            self.failures.append(Failure(worker.name, worker.stream, error))

    def _break_off(self, worker: Worker, end: BaseException, reason: str) -> None:
        """Account for the frames, and tell both sides; each step is taken although one fails."""
        steps: list[Callable[[], object]] = [
            worker.inbox.cancel,
            partial(worker.outbox.close, end),
        ]
        if worker.stream is None and not self.cancelled:
            steps.append(self.cancel)
        held: list[Callable[[], object]] = [
            partial(self.ledger.failed, ticket, worker.name, reason) for ticket in worker.probe.held
        ]
        for step in (*held, *steps):
            try:
                step()
            except Exception as error:
                self._note(worker, error)

    def _leave(self) -> None:
        with self._lock:
            self._running -= 1
            if not self._running:
                self._ending = True
                self._ended.set()


def _reason(error: BaseException) -> str:
    """Return the error's text, or its kind if it has none or its text cannot be made."""
    try:
        return str(error) or type(error).__name__
    except Exception:
        return type(error).__name__
