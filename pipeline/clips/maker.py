"""The clips of a run: from the changes of events to files, on a thread of its own."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from threading import Condition, Lock, Thread
from time import monotonic, time

from pipeline.clips.footage import LATE_SECONDS, ClipError, Footage
from pipeline.clips.job import ClipJob
from pipeline.clips.observations import Observations
from pipeline.clips.plan import ClipPlan, Margins
from pipeline.clips.recovery import recover
from pipeline.events.record import ClipState, EventKind, EventRecord, Phase
from pipeline.events.sidecar import Sidecar, read_sidecar, sidecar_path, write_sidecar
from pipeline.frames.result import Tracked
from pipeline.frames.stream import Epoch
from pipeline.rate_limited_log import RateLimitedLog
from pipeline.store.changes import EventChange
from pipeline.store.event_log import EventLog

log = logging.getLogger("framelane")

PERIOD = 0.5  # seconds between two writes of what has arrived: few wake-ups, little in the ring
STORE_SECONDS = 1.0  # for which a sidecar waits for the store
PATIENCE = 10.0  # seconds after a clip's end for which packets of it may still arrive


@dataclass(frozen=True, slots=True)
class ClipFigures:
    """Clips so far: ready, failed, and still being made."""

    ready: int
    failed: int
    pending: int


@dataclass(slots=True, eq=False)
class _Stream:
    """footage: None if the stream has no packets; epochs: the clocks of its source"""

    footage: Footage | None
    observations: Observations
    epochs: Sequence[Epoch] = ()


class ClipMaker:
    """Stands between what finds events and the EventLog, and makes a clip of each event.

    Events that overlap, margins included, are in one clip. Of a camera, packets are written while
    the event goes on. Of a recorded file, a clip is cut when its end has been seen. The events say
    `pending` until the clip is on the disk, with its name and its sidecar.

    All methods but `close` return at once, and may be called on any thread; `put` may open a
    recorded file. What a killed run has left is settled by the constructor.

    folder: of the events; event_log: of the run, to which all changes are handed on
    pre_seconds, post_seconds: before and after an event; max_seconds: of a clip
    clock: seconds that never go back
    """

    def __init__(
        self,
        folder: Path,
        event_log: EventLog,
        *,
        pre_seconds: float = 5.0,
        post_seconds: float = 5.0,
        max_seconds: float = 300.0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._folder = folder
        self._event_log = event_log
        self._margins = Margins(pre_seconds, post_seconds, max_seconds)
        self._clock = clock
        self._log = RateLimitedLog("clips")
        self._lock = Lock()
        self._changed = Condition(self._lock)
        self._streams: dict[str, _Stream] = {}
        self._jobs: list[ClipJob] = []
        self._outlived: dict[str, str] = {}  # clip of an event that goes on after it, by UUID
        self._sequences: dict[str, int] = {}  # by UUID of an event in a clip that is made
        self._late: list[EventRecord] = []  # ended after their clip was ready
        self._counts: Counter[ClipState] = Counter()
        self._closing = False
        recover(folder, event_log)
        event_log.on_committed(self._committed)
        self._thread = Thread(target=self._run, name="events/clips")
        self._thread.start()

    def add(self, stream: str, footage: Footage | None, classes: Sequence[str]) -> None:
        """Begin a stream; footage: None if it has no packets; classes: names by class id."""
        kept = self._margins.pre + LATE_SECONDS
        with self._lock:
            self._streams[stream] = _Stream(footage, Observations(classes, kept))

    def put(self, record: EventRecord, phase: Phase) -> None:
        """Take over a change, and hand it on to the EventLog with the path of the clip."""
        if record.clip_state is not ClipState.PENDING:
            self._event_log.put(record, phase)
            return
        suffix, reason = self._suffix(record, phase)
        with self._lock:  # so that the EventLog hears of an event before it hears of its clip
            if reason is None:
                record = self._placed(record, suffix)
            else:
                self._counts[ClipState.FAILED] += 1
                record = replace(record, clip_state=ClipState.FAILED, clip_reason=reason)
            self._event_log.put(record, phase)
            self._changed.notify_all()

    def observe(self, item: Tracked) -> None:
        """Note where the tracks are, after the changes of this frame were put."""
        name, seconds = item.frame.stream.name, float(item.frame.time)
        with self._lock:
            stream = self._streams.get(name)
            if stream is None or stream.footage is None:
                return
            stream.epochs = item.frame.stream.epochs
            new = stream.observations.add(item)
            for job in self._jobs_of(name):
                job.observe(new)
                if not job.grows and seconds > job.plan.end:
                    job.plan.settled = True
                    self._changed.notify_all()

    def ended(self, stream: str) -> None:
        """End a stream: its clips get what there is."""
        with self._lock:
            self._streams.pop(stream, None)
            self._end(self._jobs_of(stream))

    @property
    def figures(self) -> ClipFigures:
        """How many clips are ready, failed and pending."""
        with self._lock:
            ready, failed = self._counts[ClipState.READY], self._counts[ClipState.FAILED]
            return ClipFigures(ready, failed, len(self._jobs))

    def close(self) -> None:
        """Complete all clips, and end the thread. May be repeated."""
        with self._lock:
            self._closing = True
            self._end(self._jobs)
        self._thread.join()

    def _end(self, jobs: Iterable[ClipJob]) -> None:
        for job in jobs:
            job.ended = job.plan.settled = True
        self._changed.notify_all()

    def _jobs_of(self, stream: str) -> list[ClipJob]:
        return [job for job in self._jobs if job.plan.stream == stream]

    def _suffix(self, record: EventRecord, phase: Phase) -> tuple[str, str | None]:
        """Return the suffix of a new event's clip, and why it cannot be known."""
        with self._lock:
            stream = self._streams.get(record.stream)
        if stream is None or stream.footage is None or not _begins(record, phase):
            return "", None
        try:
            return stream.footage.suffix, None
        except ClipError as error:
            return "", str(error)

    def _placed(self, record: EventRecord, suffix: str) -> EventRecord:
        """Return an event with the path of its clip; a new one is added to one, or begins one.

        suffix: of the clip that a new event may begin; empty: none
        """
        for job in self._jobs:
            if record.uuid in job.plan.events:
                job.plan.note(record)
                return replace(record, clip=job.plan.path)
        if record.uuid in self._outlived:
            path = self._outlived[record.uuid]
            if record.end is not None:
                del self._outlived[record.uuid]
                self._late.append(replace(record, clip=path))
            return replace(record, clip=path)
        if not suffix or self._closing:
            return replace(record, clip_state=ClipState.NONE)  # or it has failed, as is stored
        for job in self._jobs_of(record.stream):
            if job.plan.accepts(record):
                job.plan.note(record)
                return replace(record, clip=job.plan.path)
        return replace(record, clip=self._begin(record, suffix))

    def _begin(self, record: EventRecord, suffix: str) -> str:
        """Begin a clip, and return its path."""
        stream = self._streams[record.stream]
        footage = stream.footage
        assert footage
        plan = ClipPlan(_path(record, suffix), record, self._margins)
        job = ClipJob(
            plan,
            self._folder,
            self._lock,
            lambda: footage.begin(plan.start, stream.epochs),
            grows=footage.grows,
            due_at=self._clock() + record.start.wall - time(),
        )
        job.observe(stream.observations.latest)
        if job.grows:
            job.open()
        self._jobs.append(job)
        return plan.path

    def _committed(self, changes: Sequence[EventChange]) -> None:
        """Note the numbers that the store has given; on its thread."""
        with self._lock:
            made = {uuid for job in self._jobs for uuid in job.plan.events}
            for change in changes:
                if change.record.uuid in made:
                    self._sequences[change.record.uuid] = change.record.sequence

    def _run(self) -> None:
        while True:
            with self._lock:
                self._wait()
                if self._closing and not self._jobs and not self._late:
                    return
                due = self._due()
                late, self._late = self._late, []
            for job in due:
                self._work(job)
            for record in late:
                self._amend(record)

    def _due(self) -> list[ClipJob]:
        return [job for job in self._jobs if job.grows or job.plan.settled]

    def _wait(self) -> None:
        """Wait for something to do; packets of cameras are fetched from time to time."""
        if self._closing or any(job.behind for job in self._due()):
            return
        if any(job.grows for job in self._jobs):
            self._changed.wait(PERIOD)
        else:
            self._changed.wait_for(lambda: self._closing or self._due() or self._late)

    def _work(self, job: ClipJob) -> None:
        """Write some of a clip, and settle it if that is all."""
        try:
            if job.copy(self._final(job)):
                job.publish(self._numbers(job))
                self._settle(job, ClipState.READY)
        except ClipError as error:
            self._fail(job, str(error))
        except Exception:  # a bug must not end the clips of all other events
            log.exception("clips: '%s' could not be made", job.plan.path)
            self._fail(job, "an error of the program, which the log describes")

    def _numbers(self, job: ClipJob) -> dict[str, int]:
        """Return the numbers of a clip's events in the store, as far as it tells them in time."""
        for _ in range(2):
            with self._lock:
                known = {
                    uuid: self._sequences[uuid]
                    for uuid in job.plan.events
                    if uuid in self._sequences
                }
            if known.keys() == job.plan.events.keys() or not self._event_log.flush(STORE_SECONDS):
                break
        return known

    def _final(self, job: ClipJob) -> str | None:
        """Return why a camera's clip gets nothing more than what is there; None: it may."""
        if job.grows and job.ended:
            return "the stream ends there"
        if job.grows and self._clock() > job.expected_at + PATIENCE:
            return "the source sent nothing more"
        return None

    def _fail(self, job: ClipJob, reason: str) -> None:
        job.discard()
        self._log.log(logging.WARNING, f"'{job.plan.path}' failed: {reason}", kind=reason)
        self._settle(job, ClipState.FAILED, reason)

    def _settle(self, job: ClipJob, state: ClipState, reason: str | None = None) -> None:
        """Tell the EventLog what became of a clip."""
        path = job.plan.path if state is ClipState.READY else None
        with self._lock:
            job.plan.settled = True
            self._jobs.remove(job)
            self._counts[state] += 1
            for event in job.plan.events.values():
                self._sequences.pop(event.uuid, None)
                if path and event.end is None:
                    self._outlived[event.uuid] = path
        for uuid in job.plan.events:
            self._event_log.clip_settled(uuid, state, path, reason)

    def _amend(self, record: EventRecord) -> None:
        """Write the end of an event into the sidecar of its clip, which ended before."""
        path = sidecar_path(self._folder / (record.clip or ""))
        try:
            sidecar = read_sidecar(path)
            events = tuple(_amended(each, record) for each in sidecar.events)
            write_sidecar(path, Sidecar(sidecar.clip, events, sidecar.tracks))
        except (OSError, ValueError) as error:  # the clip may have been deleted meanwhile
            self._log.log(logging.WARNING, f"'{path}' lacks an end of an event: {error}", "amend")


def _begins(record: EventRecord, phase: Phase) -> bool:
    """Return whether a change is the first of its event."""
    return phase is Phase.START or record.kind is EventKind.LINE


def _path(record: EventRecord, suffix: str) -> str:
    """Return the path of a clip, relative to the folder of the events."""
    start = datetime.fromtimestamp(record.start.wall, timezone.utc)
    return f"clips/{record.stream}/{start:%Y%m%dT%H%M%SZ}-{record.uuid[:8]}{suffix}"


def _amended(old: EventRecord, new: EventRecord) -> EventRecord:
    if old.uuid != new.uuid:
        return old
    return replace(new, sequence=old.sequence, clip=old.clip, clip_state=old.clip_state)
