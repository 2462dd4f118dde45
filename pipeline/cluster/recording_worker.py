"""The actor that works on recordings. It keeps its engine, and one thread does all the work."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from threading import Condition, Thread
from time import monotonic

from pipeline.cluster.ray_module import show_gpus
from pipeline.cluster.sealed import Sealed
from pipeline.library.executor import Job, Outcome
from pipeline.library.worker import Worker

POLL_SECONDS = 0.5  # for which a poll waits for the end of the job
ALONE_SECONDS = 10.0  # without a poll: the job is done elsewhere now, so it must end here
THREADS = 4  # requests at once: one waits in `poll`


@dataclass(frozen=True, slots=True)
class Polled:
    """What a worker says.

    frames: of the present job so far; None before the engine is open
    outcome: of the job, once it has ended
    """

    frames: int | None
    outcome: Outcome | None


class RecordingWorker:
    """Runs in a worker of Ray. threads: how many of the machine's cores it may use."""

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

        It may overtake the call of `begin`.
        """
        with self._changed:
            self._polled_at = monotonic()
            self._changed.wait_for(
                lambda: self._turn == turn and self._outcome is not None, POLL_SECONDS
            )
            self._polled_at = monotonic()
            if self._turn != turn:
                return Polled(None, None)
            return Polled(self._frames, self._outcome)

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

    def _note(self, frames: int) -> None:
        self._frames = frames

    def _must_end(self) -> bool:
        return self._stopping or monotonic() - self._polled_at > ALONE_SECONDS
