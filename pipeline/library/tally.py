"""What became of every recording of a run: the fates add up to the number of recordings."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from pipeline.library.load import Load
from pipeline.library.plan import Task


class Fate(Enum):
    """What became of a recording."""

    DONE = "done"
    ALREADY_DONE = "already done"
    FAILED = "failed"
    QUARANTINED = "set aside"  # it killed its workers
    CUT = "cut by the stop"  # or not begun, because of a stop


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a recording, now or in an earlier run.

    reason: why it failed; faults: what was damaged in it; frames, seconds: of the run that did it
    earlier: nothing was tried in this run
    """

    task: Task
    fate: Fate
    reason: str = ""
    faults: tuple[str, ...] = ()
    frames: int = 0
    seconds: float = 0.0
    earlier: bool = False

    @property
    def is_trouble(self) -> bool:
        """Whether outputs are missing, or made from a damaged recording."""
        return self.fate in (Fate.FAILED, Fate.QUARANTINED) or bool(self.faults)


class Tally:
    """The results so far, and what is known about the work that goes on.

    tasks: all of the run
    """

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._tasks = {task.number: task for task in tasks}
        self.results: dict[int, Result] = {}
        self.counts: Counter[Fate] = Counter()
        self.unshown: deque[Result] = deque()  # trouble of this run, for the display to take
        self.frames = 0  # of recordings that were done in this run
        self.load = Load()  # of the machines that work
        self._in_flight: dict[int, int] = {}  # frames so far
        self._done_size = 0
        self._open_size = sum(map(_size, self._tasks.values()))

    @property
    def total(self) -> int:
        """How many recordings there are."""
        return len(self._tasks)

    @property
    def frames_so_far(self) -> int:
        """Frames of this run, also of recordings that are not done yet."""
        return self.frames + sum(self._in_flight.values())

    def progress(self, number: int, frames: int) -> None:
        """Note how far a task is."""
        self._in_flight[number] = frames

    def interrupted(self, number: int) -> None:
        """Note that an attempt has ended without a result."""
        self._in_flight.pop(number, None)

    def settle(self, result: Result) -> None:
        """Note the result of a task, its only one."""
        number = result.task.number
        assert number in self._tasks and number not in self.results, result
        self.results[number] = result
        self.counts[result.fate] += 1
        self.interrupted(number)
        if result.is_trouble and not result.earlier:
            self.unshown.append(result)
        self._open_size -= _size(result.task)
        if not result.earlier and result.fate is not Fate.CUT:
            self._done_size += _size(result.task)
            self.frames += result.frames

    def left(self) -> list[Task]:
        """Return the tasks without a result."""
        return [task for number, task in self._tasks.items() if number not in self.results]

    def seconds_left(self, seconds: float) -> float | None:
        """Return how long the rest will take if it goes on as before; None if that is unknown.

        Bytes are compared, because frames are not counted in advance. It is unknown as well once
        the last recordings have more frames than their bytes promised.

        seconds: since the start
        """
        if not (self._done_size and self.frames):
            return None
        per_frame = self._done_size / self.frames
        begun = sum(
            min(per_frame * frames, _size(self._tasks[number]))
            for number, frames in self._in_flight.items()
        )
        if begun >= self._open_size:
            return None
        return seconds * (self._open_size - begun) / (self._done_size + begun)


def _size(task: Task) -> int:
    return task.now.size if task.now else 0
