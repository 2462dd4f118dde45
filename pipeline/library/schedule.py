"""From a plan to results: what is submitted when, what is tried again, and what is set aside."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from heapq import heappop, heappush
from time import monotonic

from detector.errors import ModelError
from pipeline.library.executor import (
    Ending,
    Event,
    Executor,
    Fingerprint,
    Finished,
    Job,
    Lost,
    Outcome,
    Progress,
)
from pipeline.library.manifest import Entry, LibraryManifest, State
from pipeline.library.parts import discard
from pipeline.library.plan import Plan, Task
from pipeline.library.tally import Fate, Result, Tally

MAX_ATTEMPTS = 3
PAUSES = (2.0, 10.0)  # seconds before the second and the third attempt at what may pass
LOOK_SECONDS = 0.25
FATES_BEFORE = {  # of what an earlier run has settled
    State.DONE: Fate.ALREADY_DONE,
    State.FAILED: Fate.FAILED,
    State.QUARANTINED: Fate.QUARANTINED,
}


class Schedule:
    """Submits what is missing to an executor, and notes in the manifest what became of it.

    All methods are called by one thread; `stop` and `cancel` by the `look` of `run`.

    tally: the results so far
    open_executor: called with the number of tasks that are not done yet, if there is one
    retry_failed: try again what failed or was set aside in an earlier run
    """

    def __init__(
        self,
        plan: Plan,
        manifest: LibraryManifest,
        open_executor: Callable[[int], Executor],
        *,
        retry_failed: bool = False,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.tally = Tally(plan.tasks)
        self.stopped = False
        self.cancelled = False
        self._plan = plan
        self._manifest = manifest
        self._open_executor = open_executor
        self._retry_failed = retry_failed
        self._clock = clock
        self._tasks = {task.number: task for task in plan.tasks}
        self._known: dict[int, Fingerprint] = {}  # what a recording was when it was done
        self._attempts: dict[int, int] = {}
        self._waiting: deque[int] = deque()
        self._pausing: list[tuple[float, int]] = []  # when, and which: a heap
        self._in_flight: set[int] = set()

    def run(self, look: Callable[[], None]) -> None:
        """Work until every task has a result.

        look: called at least four times a second, for example to act on signals
        Raises ModelError if the model cannot be used, FramelaneError if no worker can be started
        or the manifest cannot be written.
        """
        missing = [task for task in self._tasks.values() if not self._settled_before(task)]
        missing.sort(key=lambda task: -(task.now.size if task.now else 0))  # none is left for last
        self._waiting.extend(task.number for task in missing)
        if not missing:
            return
        executor = self._open_executor(len(missing))
        try:
            self._work(executor, look)
        finally:
            executor.close()
            for number in self._in_flight:
                discard(self._tasks[number].outputs)
            for task in self.tally.left():
                self.tally.settle(Result(task, Fate.CUT))

    def stop(self) -> None:
        """Begin nothing more, and end jobs with their current frame."""
        self.stopped = True

    def cancel(self) -> None:
        """End all jobs at once."""
        self.cancelled = True

    def _settled_before(self, task: Task) -> bool:
        """Return whether nothing needs to be done, because of an earlier run; note its result."""
        entry = self._manifest.entry(task)
        if entry is None or entry.digest != self._plan.digest(task):
            return False
        is_done = entry.state is State.DONE
        if is_done and not all(map(os.path.exists, task.outputs)):
            return False
        if not is_done and self._retry_failed:
            return False
        if task.now is not None and _quick(task.now) != _quick(entry.fingerprint):
            if is_done:  # a worker will compare the content
                self._known[task.number] = entry.fingerprint
            return False
        self._settle(task, FATES_BEFORE[entry.state], entry, earlier=True)
        return True

    def _settle(self, task: Task, fate: Fate, entry: Entry, *, earlier: bool = False) -> None:
        about = (entry.reason, entry.faults, entry.frames, entry.seconds)
        self.tally.settle(Result(task, fate, *about, earlier=earlier))

    def _work(self, executor: Executor, look: Callable[[], None]) -> None:
        told_to_stop = False
        while self._in_flight or ((self._waiting or self._pausing) and not self.stopped):
            if self.stopped and not told_to_stop:
                told_to_stop = True
                executor.stop()
            self._submit(executor)
            events = executor.wait(LOOK_SECONDS)
            with self._manifest.transaction():
                for event in events:
                    self._take(event)
            self.tally.load = executor.load
            look()
            if self.cancelled:
                return

    def _submit(self, executor: Executor) -> None:
        """Submit as many jobs as the executor takes."""
        if self.stopped:
            return
        now = self._clock()
        while self._pausing and self._pausing[0][0] <= now:
            self._waiting.append(heappop(self._pausing)[1])
        while self._waiting and len(self._in_flight) < executor.capacity:
            number = self._waiting.popleft()
            attempt = self._attempts.setdefault(number, 1)
            job = self._plan.job(self._tasks[number], self._known.get(number), attempt)
            executor.submit(job)
            self._in_flight.add(number)

    def _take(self, event: Event) -> None:
        number = event.job.number
        if isinstance(event, Progress):
            self.tally.progress(number, event.frames)
            return
        self._in_flight.discard(number)
        self.tally.interrupted(number)
        if isinstance(event, Finished):
            self._finished(event.job, event.outcome)
        else:
            self._lost(event)

    def _finished(self, job: Job, outcome: Outcome) -> None:
        task = self._tasks[job.number]
        if outcome.ending is Ending.UNUSABLE:
            raise ModelError(outcome.reason)
        if outcome.ending is Ending.CUT:
            self._waiting.append(job.number)  # without a stop of ours, a node was vacated
        elif outcome.ending is Ending.FAILED:
            self._failed(job, outcome)
        elif outcome.ending is Ending.UNCHANGED:
            self._unchanged(task, outcome)
        else:
            self._note(task, State.DONE, Fate.DONE, outcome)

    def _failed(self, job: Job, outcome: Outcome) -> None:
        task = self._tasks[job.number]
        if not outcome.may_pass:
            self._note(task, State.FAILED, Fate.FAILED, outcome)
        elif job.attempt >= MAX_ATTEMPTS:  # not noted: the next run tries again
            self.tally.settle(Result(task, Fate.FAILED, outcome.reason))
        else:
            due_at = self._clock() + PAUSES[job.attempt - 1]
            self._attempts[job.number] = job.attempt + 1
            heappush(self._pausing, (due_at, job.number))

    def _unchanged(self, task: Task, outcome: Outcome) -> None:
        """Note the new date of a recording with the same content."""
        entry = self._manifest.entry(task)
        assert entry is not None, "its fingerprint was in it"
        now = outcome.fingerprint
        known = Fingerprint(now.size, now.modified, entry.fingerprint.content)
        self._manifest.write(task, replace(entry, fingerprint=known))
        self._settle(task, Fate.ALREADY_DONE, entry, earlier=True)

    def _lost(self, event: Lost) -> None:
        job = event.job
        if not event.innocent:
            self._attempts[job.number] = job.attempt + 1
        if self._attempts[job.number] <= MAX_ATTEMPTS:
            self._waiting.append(job.number)
            return
        discard(job.outputs)
        reason = f"{MAX_ATTEMPTS} times, {event.why}"
        task = self._tasks[job.number]
        self._note(task, State.QUARANTINED, Fate.QUARANTINED, Outcome(Ending.FAILED, reason))

    def _note(self, task: Task, state: State, fate: Fate, outcome: Outcome) -> None:
        """Note a final result in the manifest and in the tally."""
        done = state is State.DONE
        entry = Entry(
            state,
            outcome.fingerprint if done else task.now or Fingerprint(),
            self._plan.digest(task),
            *(outcome.reason, outcome.faults, outcome.frames, outcome.seconds),
        )
        self._manifest.write(task, entry)
        self._settle(task, fate, entry)


def _quick(fingerprint: Fingerprint) -> tuple[int, int]:
    return fingerprint.size, fingerprint.modified
