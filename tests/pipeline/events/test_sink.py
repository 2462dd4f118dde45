"""The events sink: what it hands on, with which snapshots; nothing that it meets ends a stream."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from threading import Thread
from time import monotonic, time
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.analytics.crossings import LineCounter
from pipeline.analytics.geometry import Line
from pipeline.connections.status import Cause, Status, Trouble
from pipeline.events.config import EventsConfig
from pipeline.events.log import Change
from pipeline.events.record import ClipState, EventKind, EventRecord, Phase
from pipeline.events.sink import SILENT_SECONDS, EventSink
from pipeline.frames.result import Tracked
from tests.support.cameras import CAP
from tests.support.event_frames import NAMES, Seen, analysed, tracked, walk

LOST = Trouble(Cause.TIMED_OUT)


@dataclass
class Noted:
    """Takes changes; broken: it raises instead."""

    found: list[Change] = field(default_factory=list)
    broken: bool = False

    def put(self, record: EventRecord, phase: Phase) -> None:
        if self.broken:
            raise RuntimeError("no more")
        self.found.append(Change(record, phase))

    def phases(self, kind: EventKind) -> list[Phase]:
        return [phase for record, phase in self.found if record.kind is kind]


def sink(folder: Path, noted: Noted, status: Status | None = None, **config: Any) -> EventSink:
    section = EventsConfig.model_validate({"folder": folder, **config})
    return EventSink("cam", NAMES, section, noted, status=status, started_at=lambda: 1e9)


def feed(events: EventSink, frames: list[Tracked]) -> None:
    for item in frames:
        assert list(events.process(item)) == [item.frame.ticket]


def test_changes_are_handed_on_with_the_snapshot_and_the_state_of_the_clip(tmp_path: Path) -> None:
    noted = Noted()
    events = sink(tmp_path, noted)
    feed(events, walk((1, 0.0, 3.0, Seen())))
    ((start, _),) = noted.found
    assert start.snapshot == f"snapshots/cam/{_today()}/{start.uuid}.jpg"
    assert (tmp_path / start.snapshot).is_file()
    assert start.clip_state is ClipState.PENDING
    assert list(events.finish()) == []
    events.close()
    assert noted.phases(EventKind.OBJECT) == [Phase.START, Phase.END]
    assert noted.found[-1].record.snapshot == start.snapshot
    assert events.noted == {(EventKind.OBJECT, "person"): 1}
    assert events.interruptions == []


@dataclass
class Observer(Noted):
    """Notes after how many changes it heard of frames, and of the end."""

    heard: list[tuple[str, int]] = field(default_factory=list)

    def observe(self, item: Tracked) -> None:
        self.heard.append((f"{float(item.frame.time):.1f}", len(self.found)))

    def ended(self, stream: str) -> None:
        self.heard.append((stream, len(self.found)))


def test_an_observer_hears_of_each_frame_after_its_changes_and_of_the_end_last(
    tmp_path: Path,
) -> None:
    noted = Observer()
    section = EventsConfig(folder=tmp_path)
    events = EventSink("cam", NAMES, section, noted, observer=noted, started_at=lambda: 1e9)
    feed(events, walk((1, 0.0, 1.2, Seen())))
    events.close()
    events.close()
    seconds = [f"{k / 10:.1f}" for k in range(13)]
    assert noted.heard == [(each, int(float(each) >= 1.0)) for each in seconds] + [("cam", 2)]


def _today() -> str:
    """Return the day on which `monotonic()` was 0, which is when the frames were captured."""
    return f"{datetime.fromtimestamp(time() - monotonic(), timezone.utc):%Y-%m-%d}"


def test_the_snapshot_is_the_clean_best_frame(tmp_path: Path) -> None:
    noted = Noted()
    events = sink(tmp_path, noted)
    frames = [
        tracked(k / 10, {1: Seen(score=0.6 if k != 13 else 0.95)}, grey=10 * k) for k in range(20)
    ]
    feed(events, frames)
    events.close()
    record = noted.found[-1].record
    assert record.snapshot
    shown = np.asarray(cv2.imread(str(tmp_path / record.snapshot)))
    assert np.abs(shown.astype(int) - 130).max() <= 3


def test_a_crossing_has_the_picture_of_its_own_frame(tmp_path: Path) -> None:
    noted = Noted()
    events = sink(tmp_path, noted, kinds=["line"], min_seconds=3.0)
    frames = [tracked(k / 10, {1: Seen(x=20 + 10.0 * k)}, grey=5 * k) for k in range(37)]
    gate = LineCounter("gate", Line((200.0, 0.0), (200.0, 300.0)), 5.0)
    feed(events, analysed(frames, gate))
    ((record, phase),) = noted.found
    assert phase is Phase.END
    assert record.snapshot
    shown = np.asarray(cv2.imread(str(tmp_path / record.snapshot)))
    assert np.abs(shown.astype(int) - 5 * 19).max() <= 3  # the frame at 1.9 s


def test_snapshots_and_clips_can_be_left_out(tmp_path: Path) -> None:
    noted = Noted()
    events = sink(tmp_path, noted, snapshots=False, clips=None)
    feed(events, walk((1, 0.0, 3.0, Seen())))
    events.close()
    assert {(r.snapshot, r.clip_state) for r, _ in noted.found} == {(None, ClipState.NONE)}
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_event_leaves_no_snapshot(tmp_path: Path) -> None:
    noted = Noted()
    events = sink(tmp_path, noted)
    feed(events, walk((1, 0.0, 0.5, Seen()), (2, 1.0, 1.5, Seen()), (3, 0.0, 6.0, Seen(score=0.3))))
    assert events.pictures_held == (0, 0)
    events.close()
    assert noted.found == []
    assert list(tmp_path.iterdir()) == []


def test_a_lost_camera_is_an_event_without_any_frame(tmp_path: Path) -> None:
    noted, status = Noted(), Status("cam")
    events = sink(tmp_path, noted, status)
    status.lost(LOST, 1.0)
    ((record, phase),) = noted.found
    assert (record.kind, phase, record.cause) == (EventKind.CAMERA, Phase.START, "timed out")
    assert record.start.wall == pytest.approx(time(), abs=CAP)
    assert record.clip_state is ClipState.NONE
    status.connecting()
    status.live()
    assert noted.phases(EventKind.CAMERA) == [Phase.START, Phase.END]
    status.lost(LOST, 1.0)
    events.close()
    assert noted.phases(EventKind.CAMERA) == 2 * [Phase.START, Phase.END]
    status.lost(LOST, 1.0)  # the source ends after the sink
    assert len(noted.found) == 4


def test_kinds_may_leave_out_cameras(tmp_path: Path) -> None:
    noted, status = Noted(), Status("cam")
    sink(tmp_path, noted, status, kinds=["object"])
    status.lost(LOST, 1.0)
    assert noted.found == []


def test_objects_in_view_of_a_lost_camera_are_over_before_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted, status = Noted(), Status("cam")
    events = sink(tmp_path, noted, status)
    status.live()
    feed(events, walk((1, 0.0, 3.0, Seen())))
    status.lost(LOST, 1.0)
    status.connecting()
    assert noted.phases(EventKind.OBJECT) == [Phase.START]  # frames may still be at the engine
    later = monotonic() + SILENT_SECONDS + 1
    monkeypatch.setattr("pipeline.events.sink.monotonic", lambda: later)
    status.lost(LOST, 2.0)
    assert noted.phases(EventKind.OBJECT) == [Phase.START, Phase.END]
    (end,) = [r for r, phase in noted.found if phase is Phase.END]
    assert (end.end and end.end.seconds, end.ended_by) == (3.0, "interruption")


@pytest.mark.parametrize("broken", ["receiver", "folder"])
def test_no_failure_inside_ends_the_stream(
    tmp_path: Path, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    noted = Noted(broken=broken == "receiver")
    folder = tmp_path / "events"
    folder.write_text("not a folder")
    status = Status("cam")
    events = sink(folder, noted, status)
    status.lost(LOST, 1.0)
    people = [(k, 2.0 * k, 2.0 * k + 1.5, Seen()) for k in range(1, 20)]
    feed(events, walk(*people))
    events.close()
    assert len([line for line in caplog.messages if line.startswith("cam: ")]) <= 3
    assert events.interruptions
    if broken == "folder":
        assert Counter(noted.phases(EventKind.OBJECT)) == {Phase.START: 19, Phase.END: 19}


def test_frames_and_states_may_come_from_two_threads(tmp_path: Path) -> None:
    noted, status = Noted(), Status("cam")
    events = sink(tmp_path, noted, status, snapshots=False)

    def flap() -> None:
        for _ in range(300):
            status.lost(LOST, 1.0)
            status.live()

    thread = Thread(target=flap)
    thread.start()
    feed(events, walk((1, 0.0, 30.0, Seen())))
    thread.join(CAP)
    events.close()
    assert noted.phases(EventKind.CAMERA) == 300 * [Phase.START, Phase.END]
    phases = noted.phases(EventKind.OBJECT)
    assert (phases[0], phases[-1]) == (Phase.START, Phase.END)
    assert events.failures == 0
