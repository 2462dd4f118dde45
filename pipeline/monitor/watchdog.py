"""Finds hanging stages, and logs their names with the stacks of all threads."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from time import monotonic

from pipeline.graph import StreamStages
from pipeline.rate_limited_log import RateLimitedLog
from pipeline.runtime.runner import Pipeline, Worker

log = logging.getLogger("framelane")

USUAL_SECONDS = 60.0  # no call for one frame takes this long
LONGEST_STEP = 1.0  # seconds between two looks; after a longer pause the process was stopped
SAME_CALL = 0.01  # seconds: two moments that are this close are the same


class Watchdog:
    """Checks every stage at each `look`, on the calling thread.

    A stage hangs if it works on one item for longer than `seconds`; waiting for other stages does
    not count. A camera hangs if one call to it takes that long. Time in which the whole process
    stood still, stopped by a signal or with its virtual machine, does not count: the time between
    two looks counts as a second at most.

    streams: returns the current streams
    give_up: called once when a stage hangs, to end the run; None: the stage is only logged
    """

    def __init__(
        self,
        pipeline: Pipeline,
        streams: Callable[[], Iterable[StreamStages]],
        seconds: float = USUAL_SECONDS,
        *,
        give_up: Callable[[], None] | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._pipeline = pipeline
        self._streams = streams
        self._seconds = seconds
        self._give_up = give_up
        self._clock = clock
        self._log = RateLimitedLog("watchdog", clock)
        self._hanging_before: set[str] = set()
        self._looked_at = clock()
        self._awake = 0.0  # seconds in which the process ran
        self._calls: dict[str, _Call] = {}  # in which the stages are

    @property
    def hanging(self) -> tuple[str, ...]:
        """The stages that hung at the last look; any thread may ask."""
        return tuple(sorted(self._hanging_before))

    def look(self) -> None:
        """Log each hanging stage once; it is logged again only if it made progress in between."""
        hanging = dict(self._find_hanging())
        new = hanging.keys() - self._hanging_before
        self._hanging_before = set(hanging)
        if not new:
            return
        for name in sorted(new, key=hanging.__getitem__, reverse=True):
            log.error("stage '%s' has made no progress for %.0f s", name, hanging[name])
        self._log.log(logging.ERROR, "stacks of all threads", "stacks", stacks())
        if self._give_up:
            self._give_up()
            self._give_up = None

    def _find_hanging(self) -> Iterator[tuple[str, float]]:
        """Yield each hanging stage and for how many seconds it has hung."""
        now = self._clock()
        self._awake += min(now - self._looked_at, LONGEST_STEP)
        self._looked_at = now
        cameras = {stream.name: stream.status for stream in self._streams() if stream.status}
        calls, self._calls = self._calls, {}
        for worker in self._pipeline.workers:
            seconds = _seconds_at_work(worker, now)
            if worker.probe.reads and worker.stream in cameras:
                seconds = cameras[worker.stream].seconds_in_call(now)
            if seconds <= 0:
                continue
            call = self._calls[worker.name] = self._call(calls.get(worker.name), now - seconds)
            if self._awake - call.awake > self._seconds:
                yield worker.name, self._awake - call.awake

    def _call(self, before: _Call | None, began_at: float) -> _Call:
        """Return the call that began at a moment: the one of the look before, or a new one."""
        if before and abs(began_at - before.began_at) < SAME_CALL:
            return before
        return _Call(began_at, self._awake)


@dataclass(frozen=True, slots=True)
class _Call:
    """A stage's work on one item; awake: of the process, when this work was first seen."""

    began_at: float
    awake: float


def _seconds_at_work(worker: Worker, now: float) -> float:
    since = worker.probe.at_work_since
    return 0.0 if since is None else now - since


def stacks() -> str:
    """Return the stack of every thread of this process, under the name of the thread."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return "\n".join(
        f"--- {names.get(ident, ident)}\n" + "".join(traceback.format_stack(frame)).rstrip()
        for ident, frame in sys._current_frames().items()
    )
