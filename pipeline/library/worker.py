"""One recording after the other, with an engine that stays open in between."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.library.executor import Job, Outcome


class Worker:
    """Works on jobs in this process, which it takes over: an executor has one in each process.

    Signals are left alone. All methods are called by one thread.

    threads: how many of the machine's cores this worker may use
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads

    def run(
        self,
        job: Job,
        on_progress: Callable[[int], None],
        stopping: Callable[[], bool],
    ) -> Outcome:
        """Work on a job to its end, and return what became of it. Raises nothing for a failure.

        on_progress: called about four times a second with the number of frames so far, on the
            calling thread; the first time once the engine is open
        stopping: asked as often; once it returns True, the job ends with its current frame
        """
        raise NotImplementedError

    def close(self) -> None:
        """Release the engine."""
