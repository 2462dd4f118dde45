"""What events need beside the streams of a run: the store, clips, deliveries, pruning."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from threading import Lock
from typing import Any

from pipeline.clips.footage import Footage
from pipeline.clips.maker import ClipMaker
from pipeline.delivery import make_transport
from pipeline.delivery.config import DeliveryConfig
from pipeline.delivery.deliveries import STOP_SECONDS, Deliveries, outbox_bounds
from pipeline.delivery.transport import Camera
from pipeline.events.config import EventsConfig
from pipeline.events.record import EventKind, EventRecord, Phase
from pipeline.frames.result import Tracked
from pipeline.store.event_log import EventLog
from pipeline.store.outbox import Outbox
from pipeline.store.prune import Pruning

FLUSH_SECONDS = 2.0  # for the last events to reach the disk, before they are delivered


class EventServices:
    """Stores and delivers the events of all streams, from `open` to `close`.

    Nothing is opened before `open`. Raises UsageError for a delivery that is wrong.
    """

    def __init__(self, config: EventsConfig, deliveries: Sequence[DeliveryConfig]) -> None:
        outbox_bounds(deliveries)  # which finds repeated names
        for each in deliveries:
            make_transport(each, config.folder)  # which finds wrong URLs and options
        self.config = config
        self._delivery_configs = deliveries
        self._closing = ExitStack()
        self._log: EventLog | None = None
        self._clips: ClipMaker | None = None
        self._footage: dict[str, tuple[Footage | None, Sequence[str]]] = {}  # before `open`
        self._deliveries: Deliveries | None = None
        self._cameras: dict[str, Camera] = {}
        self._spans: dict[str, EventSpans] = {}
        self._lock = Lock()

    def open(self) -> None:
        """Open the store and begin to deliver. Raises StoreError if another run uses the store."""
        folder = self.config.folder
        with ExitStack() as opened:
            self._log = log = EventLog(folder, outbox_bounds(self._delivery_configs))
            opened.callback(log.close)
            if self.config.keep_seconds is not None or self.config.keep_bytes is not None:
                pruning = Pruning(folder, self.config.keep_seconds, self.config.keep_bytes)
                opened.callback(pruning.close)
            if self._delivery_configs:
                outbox = Outbox(folder, log)
                opened.callback(outbox.close)
                deliveries = Deliveries(self._delivery_configs, outbox, folder)
                log.on_committed(deliveries.committed)
                with self._lock:
                    self._deliveries = deliveries
                    deliveries.cameras(added=self._cameras.values())
                deliveries.start()
                opened.callback(deliveries.remember_backlog)
                opened.callback(log.flush, FLUSH_SECONDS)  # deletes what was delivered
                opened.callback(deliveries.stop, STOP_SECONDS)
            opened.callback(log.flush, FLUSH_SECONDS)
            if self.config.clips:
                margins = self.config.clips.model_dump()
                clips = ClipMaker(folder, log, **margins)
                opened.callback(clips.close)
                with self._lock:
                    self._clips = clips
                    for stream, (footage, classes) in self._footage.items():
                        clips.add(stream, footage, classes)
            self._closing = opened.pop_all()

    def close(self) -> None:
        """Store and deliver what can be within some seconds; the rest waits for the next run."""
        self._closing.close()

    def put(self, record: EventRecord, phase: Phase) -> None:
        """Store an event that is new or changed; any thread, never waits."""
        assert self._log, "open comes first"
        if record.kind is not EventKind.CAMERA:
            self.spans(record.stream).note(record)
        (self._clips or self._log).put(record, phase)

    def observe(self, item: Tracked) -> None:
        """Note the tracks of a frame in the clips that show it, after its events were put."""
        if self._clips:
            self._clips.observe(item)

    def ended(self, stream: str) -> None:
        """Note that a stream has ended, after its last event was put."""
        if self._clips:
            self._clips.ended(stream)

    def spans(self, stream: str) -> EventSpans:
        """Return when the events of a stream were, for its recording."""
        with self._lock:
            return self._spans.setdefault(stream, EventSpans())

    def camera_added(self, camera: Camera, footage: Footage | None, classes: Sequence[str]) -> None:
        """Tell the receivers about a camera; its clips are cut from `footage`.

        footage: None if the camera has no packets; classes: of the model, by class id
        """
        with self._lock:
            if self._clips:
                self._clips.add(camera.name, footage, classes)
            else:
                self._footage[camera.name] = footage, classes
            self._cameras[camera.name] = camera
            if self._deliveries:
                self._deliveries.cameras(added=[camera])

    def camera_removed(self, stream: str) -> None:
        """Tell the receivers that a camera is gone."""
        with self._lock:
            self._spans.pop(stream, None)
            if self._cameras.pop(stream, None) and self._deliveries:
                self._deliveries.cameras(removed=[stream])

    def figures(self) -> dict[str, Any]:
        """Return all counts, ready for JSON."""
        if self._log is None:
            return {}
        stored = self._log.figures
        return {
            "changes_stored": stored.stored,
            "changes_waiting": stored.waiting,
            "changes_lost": stored.lost,
            "clips": asdict(self._clips.figures) if self._clips else {},
            "deliveries": self._deliveries.figures() if self._deliveries else [],
        }


class EventSpans:
    """When the events of one stream were, in seconds since 1970; any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._spans: dict[str, tuple[float, float | None]] = {}  # by uuid

    def note(self, record: EventRecord) -> None:
        """Note the start or the end of an event."""
        with self._lock:
            self._spans[record.uuid] = record.start.wall, record.end.wall if record.end else None

    def overlaps(self, start: float, end: float) -> bool:
        """Return whether an event overlaps a span; spans are asked for in order of time."""
        with self._lock:
            self._spans = {
                uuid: span
                for uuid, span in self._spans.items()
                if span[1] is None or span[1] >= start
            }
            return any(began <= end for began, _ in self._spans.values())
