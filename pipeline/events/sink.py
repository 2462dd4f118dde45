"""The events of one stream: from its frames and its connection to the store."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock
from time import monotonic
from traceback import format_exc

from pipeline.connections.status import State, StateChange, Status
from pipeline.events.config import EventsConfig
from pipeline.events.detection.camera_watch import CameraWatch
from pipeline.events.detection.detector import EventDetector, Found
from pipeline.events.log import Change, EventReceiver, FrameObserver
from pipeline.events.record import ClipState, EventKind, Moment, Phase
from pipeline.events.snapshots import Snapshots, encoded
from pipeline.events.wall_clock import WallClock, wall
from pipeline.frames.fate import Ticket
from pipeline.frames.frame import Frame
from pipeline.frames.result import Tracked
from pipeline.rate_limited_log import RateLimitedLog
from pipeline.sinks import Sink

SILENT_SECONDS = 5.0  # a lost camera's last frames have come out of the engine by then

NO_CLIP = {EventKind.CAMERA}  # there is nothing to see


class EventSink(Sink):
    """Hands on what happened in one stream, and keeps the best frame of each event.

    It gets every frame, as recorders do, so that no crossing is lost; a viewer would lose those of
    the frames that are dropped in front of it. It costs little: it encodes only a frame that is
    clearly better than the best one so far, never waits for the store, and does not force
    snapshots to the disk.

    A failure inside never ends the stream: it is logged and counted.

    stream: its name; classes: names by class id
    receiver: takes the changes; observer: hears of each frame after its changes
    status: of the source's connection, None if it has none to lose
    started_at: when a recording began, in seconds since 1970; it is called at the first frame
    """

    def __init__(
        self,
        stream: str,
        classes: Sequence[str],
        config: EventsConfig,
        receiver: EventReceiver,
        *,
        observer: FrameObserver | None = None,
        status: Status | None = None,
        started_at: Callable[[], float | None] = lambda: None,
    ) -> None:
        self.name = "events"
        self._config = config
        self._filters = config.filters(stream)
        self._receiver = receiver
        self._observer = observer
        self._stream = stream
        self._detector = EventDetector(stream, classes, self._filters)
        self._watch = CameraWatch(stream, self._moment)
        self._clock = WallClock(started_at)
        self._snapshots = Snapshots(Path(config.folder), stream)
        self._log = RateLimitedLog(stream)
        self._lock = Lock()  # the connection's state changes on the thread that reads the source
        self._frame_at = monotonic()  # when the last frame came
        self._finished = False
        self.noted: Counter[tuple[EventKind, str | None]] = Counter()  # by kind and class
        self.failures = 0  # frames and changes that were lost to an error
        if status is not None and EventKind.CAMERA in self._filters.kinds:
            status.on_change(self._connection_changed)

    def process(self, item: Tracked) -> Iterable[Ticket]:
        """Find and hand on what this frame changes."""
        with self._guarded():
            self._frame_at = monotonic()
            found = self._detector.update(item, self._clock.of(item.frame))
            self._apply(found, item.frame)
            if self._observer:
                self._observer.observe(item)
        return (item.frame.ticket,)

    def finish(self) -> Iterable[Ticket]:
        """End all events."""
        self._end()
        return ()

    def close(self) -> None:
        """End all events, also after a failure of the stream."""
        self._end()

    @property
    def pictures_held(self) -> tuple[int, int]:
        """How many best frames are in memory, and their bytes."""
        return len(self._snapshots), self._snapshots.bytes_held

    @property
    def interruptions(self) -> list[str]:
        """Errors and missing snapshots, if there were any: one line each."""
        lines = []
        if self.failures:
            lines.append(f"{self.failures} changes of events lost to errors: see the log")
        if self._snapshots.failures:
            lines.append(f"{self._snapshots.failures} snapshots could not be written")
        return lines

    def _end(self) -> None:
        with self._guarded():
            if not self._finished:
                self._finished = True
                self._apply(self._detector.finish())
                self._hand_on(self._watch.finish(monotonic()))
                if self._observer:
                    self._observer.ended(self._stream)

    def _connection_changed(self, change: StateChange) -> None:
        with self._guarded():
            if self._finished:
                return
            self._hand_on(self._watch.changed(change))
            lost = change.state is not State.LIVE
            patience = max(SILENT_SECONDS, self._filters.forget_seconds)
            if lost and monotonic() - self._frame_at > patience:
                self._apply(self._detector.interrupt())

    def _apply(self, found: Found, frame: Frame | None = None) -> None:
        if frame is not None and found.pictured and self._config.snapshots:
            jpeg = encoded(frame.picture.bgr)
            for uuid in found.pictured:
                self._snapshots.keep(uuid, jpeg)
        self._hand_on(found.changes)
        for uuid in found.ended:
            self._snapshots.drop(uuid)

    def _hand_on(self, changes: Iterable[Change]) -> None:
        for record, phase in changes:
            has_clip = self._config.clips is not None and record.kind not in NO_CLIP
            self._receiver.put(
                replace(
                    record,
                    snapshot=self._snapshots.write(record),
                    clip_state=ClipState.PENDING if has_clip else ClipState.NONE,
                ),
                phase,
            )
            self.noted[record.kind, record.class_name] += _is_first(record.kind, phase)

    def _moment(self, at: float) -> Moment:
        return Moment(None, self._clock.seconds(at), wall(at))

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Hold the lock; log and count an error, whatever it is: the stream goes on without it."""
        with self._lock:
            try:
                yield
            except Exception as error:
                self.failures += 1
                self._log.log(
                    logging.ERROR,
                    f"events: {type(error).__name__}: a change is lost",
                    kind=type(error).__name__,
                    block=format_exc(),
                )


def _is_first(kind: EventKind, phase: Phase) -> bool:
    """Return whether a change is the first of its event."""
    return phase is (Phase.END if kind is EventKind.LINE else Phase.START)
