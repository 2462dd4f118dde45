"""What each camera shows at this moment, and what was counted since the start of the run."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from pipeline.delivery.transport import Camera
from pipeline.events.record import SCHEMA_VERSION, EventKind, EventRecord, Phase

_COUNTED = {EventKind.ZONE: "entered", EventKind.DWELL: "dwelt"}


@dataclass
class _Shown:
    """The state of one camera."""

    camera: Camera
    present: dict[str, EventRecord] = field(default_factory=dict)  # by the event's UUID
    lines: dict[str, dict[str, Counter[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Counter))
    )
    zones: dict[str, dict[str, Counter[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Counter))
    )
    counted: set[str] = field(default_factory=set)  # events that go on and are counted
    lost: set[str] = field(default_factory=set)  # events of the loss of the camera that go on
    snapshot: str | None = None


@dataclass(frozen=True, slots=True)
class CameraState:
    """One camera at one moment.

    camera: with all classes that its events have had
    state, counts: see `schemas/state.json` and `schemas/counts.json`
    snapshot: path of the last one, None if there is none yet
    """

    camera: Camera
    state: dict[str, Any]
    counts: dict[str, Any]
    snapshot: str | None


class LiveState:
    """Takes changes of events on any thread, and tells which cameras have changed since."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._shown: dict[str, _Shown] = {}
        self._changed: set[str] = set()
        self._removed: set[str] = set()

    def observe(self, record: EventRecord, phase: Phase) -> None:
        """Take note of a change. Those of a camera that is gone, or unknown, change nothing."""
        with self._lock:
            shown = self._shown.get(record.stream)
            if shown is None:
                return
            _count(shown, record, phase)
            _keep(shown.counted, record)
            if record.kind is EventKind.CAMERA:
                _keep(shown.lost, record)
            elif record.kind in (EventKind.OBJECT, EventKind.ZONE):
                if record.end is None:
                    shown.present[record.uuid] = record
                else:
                    shown.present.pop(record.uuid, None)
            shown.snapshot = record.snapshot or shown.snapshot
            known = shown.camera.classes
            if record.class_name and record.class_name not in known:
                shown.camera = _with_class(shown.camera, record.class_name)
            self._changed.add(record.stream)

    def cameras(self, added: Iterable[Camera], removed: Iterable[str]) -> None:
        """Take note of cameras that come or go."""
        with self._lock:
            for name in removed:
                if self._shown.pop(name, None):
                    self._removed.add(name)
                self._changed.discard(name)
            for camera in added:
                self._shown.setdefault(camera.name, _Shown(camera)).camera = camera
                self._removed.discard(camera.name)
                self._changed.add(camera.name)

    def take_changed(self, *, everything: bool = False) -> tuple[list[CameraState], list[str]]:
        """Return the cameras that have changed, and those that were removed, since the last call.

        everything: all cameras, as after a new connection
        """
        with self._lock:
            names = sorted(self._shown if everything else self._changed)
            removed = sorted(self._removed)
            self._changed.clear()
            self._removed.clear()
            return [_camera_state(self._shown[name]) for name in names], removed


def _camera_state(shown: _Shown) -> CameraState:
    return CameraState(shown.camera, _state(shown), _counts(shown), shown.snapshot)


def _state(shown: _Shown) -> dict[str, Any]:
    """Return what is there now, see `schemas/state.json`."""
    objects: Counter[str] = Counter(dict.fromkeys(shown.camera.classes, 0))
    zones = {zone: Counter(dict.fromkeys(objects, 0)) for zone in shown.camera.zones}
    for record in shown.present.values():
        class_name = record.class_name or "unknown"
        if record.kind is EventKind.OBJECT:
            objects[class_name] += 1
        elif record.place:
            zones.setdefault(record.place, Counter())[class_name] += 1
    return {
        "schema": SCHEMA_VERSION,
        "connected": _switch(not shown.lost),
        "motion": _switch(shown.present),
        "occupancy": {name: _switch(count) for name, count in objects.items()},
        "objects": dict(objects),
        "zones": {zone: dict(counts) for zone, counts in zones.items()},
    }


def _counts(shown: _Shown) -> dict[str, Any]:
    """Return what was counted since the start, see `schemas/counts.json`."""
    return {
        "schema": SCHEMA_VERSION,
        "lines": _plain(shown.lines, shown.camera.lines),
        "zones": _plain(shown.zones, shown.camera.zones),
    }


def _count(shown: _Shown, record: EventRecord, phase: Phase) -> None:
    """Count a crossing, an entry or a long stay once, when it is noted for the first time."""
    if phase is Phase.UPDATE or record.uuid in shown.counted:
        return
    class_name = record.class_name or "unknown"
    if record.kind is EventKind.LINE and record.place:
        shown.lines[record.place][record.direction or "crossed"][class_name] += 1
    elif record.kind in _COUNTED and record.place:
        shown.zones[record.place][_COUNTED[record.kind]][class_name] += 1


def _keep(uuids: set[str], record: EventRecord) -> None:
    """Keep the UUID of an event as long as the event goes on."""
    if record.end is None:
        uuids.add(record.uuid)
    else:
        uuids.discard(record.uuid)


def _with_class(camera: Camera, class_name: str) -> Camera:
    classes = (*camera.classes, class_name)
    return Camera(camera.name, classes, camera.zones, camera.lines)


def _switch(on: object) -> str:
    return "ON" if on else "OFF"


def _plain(
    counts: dict[str, dict[str, Counter[str]]], places: Iterable[str]
) -> dict[str, dict[str, dict[str, int]]]:
    named = dict.fromkeys([*places, *counts])
    return {
        place: {what: dict(found) for what, found in counts.get(place, {}).items()}
        for place in named
    }
