"""Who hangs: a stage that makes no progress is named, and what every thread is doing is logged."""

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

USUAL_SECONDS = 60.0  # no call of ours takes as long on any frame


class Watchdog:
    """Looks at every stage, as often as it is asked to, on the thread that asks.

    A stage hangs if it has been at work on one item, not waiting for another stage, for longer than
    `seconds`; a camera, if a call to it has taken so long.

    streams: returns those that are there
    give_up: called once when a stage hangs, to end the run; None: it is only named
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
        self._quiet = RateLimitedLog("watchdog", clock)
        self._named: set[str] = set()

    def look(self) -> None:
        """Name the stages that hang, each once, until they have made progress again."""
        hanging = dict(self._hanging())
        news = hanging.keys() - self._named
        self._named = set(hanging)
        if not news:
            return
        for name in sorted(news, key=hanging.__getitem__, reverse=True):
            log.error("stage '%s' has made no progress for %.0f s", name, hanging[name])
        self._quiet.log(logging.ERROR, "what each thread is doing:\n" + stacks(), "stacks")
        if self._give_up:
            self._give_up()
            self._give_up = None

    def _hanging(self) -> Iterator[tuple[str, float]]:
        """Yield each stage that hangs, and for how many seconds it has."""
        now = self._clock()
        cameras = {stream.name: stream.status for stream in self._streams() if stream.status}
        for worker in self._pipeline.workers:
            seconds = _at_work(worker, now)
            if worker.probe.reads and worker.stream in cameras:
                seconds = cameras[worker.stream].seconds_in_call(now)
            if seconds > self._seconds:
                yield worker.name, seconds


def _at_work(worker: Worker, now: float) -> float:
    since = worker.probe.at_work_since
    return 0.0 if since is None else now - since


def stacks() -> str:
    """Return what every thread of this process is doing, by the names of the threads."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return "\n".join(
        f"--- {names.get(ident, ident)}\n" + "".join(traceback.format_stack(frame)).rstrip()
        for ident, frame in sys._current_frames().items()
    )
