"""Finds hanging stages, and logs their names with the stacks of all threads."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from time import monotonic

from pipeline.graph import StreamStages
from pipeline.rate_limited_log import RateLimitedLog
from pipeline.runtime.runner import Pipeline, Worker

log = logging.getLogger("framelane")

USUAL_SECONDS = 60.0  # no call for one frame takes this long


class Watchdog:
    """Checks every stage at each `look`, on the calling thread.

    A stage hangs if it works on one item for longer than `seconds`; waiting for other stages does
    not count. A camera hangs if one call to it takes that long.

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

    def look(self) -> None:
        """Log each hanging stage once; it is logged again only if it made progress in between."""
        hanging = dict(self._find_hanging())
        new = hanging.keys() - self._hanging_before
        self._hanging_before = set(hanging)
        if not new:
            return
        for name in sorted(new, key=hanging.__getitem__, reverse=True):
            log.error("stage '%s' has made no progress for %.0f s", name, hanging[name])
        self._log.log(logging.ERROR, "stacks of all threads:\n" + stacks(), "stacks")
        if self._give_up:
            self._give_up()
            self._give_up = None

    def _find_hanging(self) -> Iterator[tuple[str, float]]:
        """Yield each hanging stage and for how many seconds it has hung."""
        now = self._clock()
        cameras = {stream.name: stream.status for stream in self._streams() if stream.status}
        for worker in self._pipeline.workers:
            seconds = _seconds_at_work(worker, now)
            if worker.probe.reads and worker.stream in cameras:
                seconds = cameras[worker.stream].seconds_in_call(now)
            if seconds > self._seconds:
                yield worker.name, seconds


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
