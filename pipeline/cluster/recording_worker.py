"""The actor that works on recordings. It keeps its engine, and one thread does all the work."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from threading import Condition, Thread
from time import monotonic

from pipeline.cluster.ray_module import show_gpus
from pipeline.cluster.sealed import Sealed
from pipeline.library.executor import Job, Outcome
from pipeline.library.load import Load, LoadMeter
from pipeline.library.worker import Worker

POLL_SECONDS = 0.5  # for which a poll waits for the end of the job
ALONE_SECONDS = 10.0  # without a poll: the job is done elsewhere now, so it must end here
THREADS = 4  # requests at once: one waits in `poll`


@dataclass(frozen=True, slots=True)
class Polled:
    """What a worker says.

    frames: of the present job so far; None before the engine is open
    outcome: of the job, once it has ended
    load: of its machine
    """

    frames: int | None
    outcome: Outcome | None
    load: Load


class RecordingWorker:
    """Runs in a worker of Ray. threads: how many of the machine's cores it may use.

    A recording that kills its worker counts against the recording only if the executor knows that
    the engine was open. So the first job of a worker goes on when the executor has heard that.
    """

    def __init__(self, threads: int) -> None:
        logging.getLogger("framelane").addHandler(logging.NullHandler())  # outcomes have the faults
        show_gpus()
        self._threads = threads
        self._changed = Condition()
        self._job: Job | None = None
        self._turn = 0  # number of the job, among those of this worker
        self._frames: int | None = None
        self._outcome: Outcome | None = None
        self._stopping = False
        self._polled_at = monotonic()
        self._said_open = self._heard_open = False
        self._meter = LoadMeter.of_this_machine()
        Thread(target=self._work, name="recordings", daemon=True).start()

    def begin(self, job: Sealed[Job], turn: int) -> None:
        """Start on a job; turn: 1 for the first one of this worker, and so on."""
        with self._changed:
            self._job, self._frames, self._outcome = job.open(), None, None
            self._turn = turn
            self._stopping, self._polled_at = False, monotonic()
            self._changed.notify_all()

    def poll(self, turn: int) -> Polled:
        """Return what there is to say about a job; waits a little for its end.

        It may overtake the call of `begin`. The executor asks again when it has the answer.
        """
        with self._changed:
            self._polled_at = monotonic()
            self._heard_open = self._said_open
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._turn == turn and self._has_news(), POLL_SECONDS)
            self._polled_at = monotonic()
            load = self._meter.look()
            if self._turn != turn:
                return Polled(None, None, load)
            self._said_open |= self._frames is not None
            return Polled(self._frames, self._outcome, load)

    def stop(self) -> None:
        """End the job with its current frame."""
        self._stopping = True

    def _work(self) -> None:
        worker = Worker(self._threads)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._job is not None)
                job, self._job = self._job, None
            assert job is not None
            outcome = worker.run(job, self._note, self._must_end)
            with self._changed:
                self._outcome = outcome
                self._changed.notify_all()

    def _has_news(self) -> bool:
        """Return whether the job has ended, or the engine is open for the first time."""
        opened = self._frames is not None and not self._said_open
        return self._outcome is not None or opened

    def _note(self, frames: int) -> None:
        with self._changed:
            self._frames = frames
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._heard_open, ALONE_SECONDS)

    def _must_end(self) -> bool:
        return self._stopping or monotonic() - self._polled_at > ALONE_SECONDS
