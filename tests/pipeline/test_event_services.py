"""A run with events stores and delivers them, and leaves nothing open."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from detector.errors import FramelaneError, UsageError
from pipeline.assembly.run import build
from pipeline.config import RunConfig
from pipeline.event_services import EventServices, EventSpans
from pipeline.events.config import EventsConfig
from pipeline.events.record import EventKind, EventRecord, Moment, Phase
from pipeline.run import run_figures
from pipeline.store.queries import EventFilter, EventReader
from tests.support.cameras import until
from tests.support.runs import minimal_config, quick_clip, running_well


def site(folder: Path, **more: Any) -> RunConfig:
    """Return a run with a camera that does not answer, which gives one event."""
    events = {"folder": str(folder / "events"), "clips": None}
    dead = {"url": "rtsp://127.0.0.1:9/1", "name": "dead", "retry_seconds": 0.1}
    return minimal_config(folder, dead, events=events, **more)


def record(start: float, end: float | None, uuid: str) -> EventRecord:
    ended = None if end is None else Moment(None, end, end)
    return EventRecord("door", EventKind.OBJECT, Moment(None, start, start), end=ended, uuid=uuid)


def test_an_event_is_in_the_store_and_in_the_file_that_it_is_delivered_to(tmp_path: Path) -> None:
    target = tmp_path / "told.jsonl"
    config = site(tmp_path, deliver=[str(target)])
    with running_well(config) as run:
        until(lambda: target.exists() and target.read_text(encoding="utf-8"))
        assert run_figures(run)["events"]["changes_lost"] == 0
    told = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert [(each["type"], each["camera"]) for each in told] == [("start", "dead"), ("end", "dead")]
    reader = EventReader(tmp_path / "events")
    (stored,) = reader.page(EventFilter(), 10).events
    reader.close()
    assert stored.kind is EventKind.CAMERA and stored.uuid == told[0]["id"]
    assert "refused" in (stored.cause or "")


def test_the_threads_of_events_end_with_the_run(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with running_well(site(tmp_path, deliver=[str(tmp_path / "told.jsonl")])):
        pass
    until(lambda: set(threading.enumerate()) <= before)


def test_a_second_run_with_the_same_store_does_not_start(tmp_path: Path) -> None:
    config = site(tmp_path)
    with running_well(config):
        second = build(config)
        with pytest.raises(FramelaneError, match="a run uses it"):
            second.pipeline.start()


def test_a_camera_that_is_removed_is_known_no_more(tmp_path: Path) -> None:
    with running_well(site(tmp_path)) as run:
        assert run.events and run.events.figures()["changes_waiting"] >= 0
        run.remove("dead")
        assert run.events.spans("dead").overlaps(0, 1e12) is False


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"deliver": ["runs/a.jsonl"]}, "add the section 'events'"),
        ({"events": {"classes": ["cra"]}}, "no class 'cra' in this model"),
        ({"events": {"zones": ["yard"]}}, "no zone 'yard'"),
        ({"events": {"streams": {"dor": {}}}}, "no stream 'dor' in this run"),
        ({"events": {}, "deliver": ["gopher://x"]}, "nothing delivers to that"),
        ({"events": {}, "deliver": ["a/x.jsonl", "b/x.jsonl"]}, "two entries are called"),
        (
            {"recording": {"url": "runs/%S.mp4", "mode": "events"}},
            "there is no section 'events'",
        ),
    ],
)
def test_a_wrong_configuration_is_refused_before_anything_is_opened(
    tmp_path: Path, more: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        build(minimal_config(tmp_path, quick_clip(1), **more))
    assert list(tmp_path.iterdir()) == []


def test_spans_overlap_until_they_are_over() -> None:
    spans = EventSpans()
    spans.note(record(10, None, "a"))
    assert not spans.overlaps(0, 9) and spans.overlaps(5, 10) and spans.overlaps(50, 60)
    spans.note(record(10, 70, "a"))
    spans.note(record(90, 95, "b"))
    assert spans.overlaps(65, 75) and not spans.overlaps(75, 85) and spans.overlaps(94, 99)


def test_the_report_at_the_end_says_how_many_messages_wait_for_the_next_run(
    tmp_path: Path,
) -> None:
    hook = {"url": "http://127.0.0.1:9/hook", "secret": "whsec_" + "A" * 32, "name": "hook"}
    target = tmp_path / "told.jsonl"
    with running_well(site(tmp_path, deliver=[hook, str(target)])) as run:
        until(lambda: target.exists() and target.read_text(encoding="utf-8"))
    with closing(sqlite3.connect(tmp_path / "events" / "events.sqlite")) as store:
        ((stored,),) = store.execute("SELECT count(*) FROM outbox WHERE transport = 'hook'")
    told, waits = sorted(run_figures(run)["events"]["deliveries"], key=lambda each: each["kind"])
    assert (told["pending"], waits["pending"], stored) == (0, 2, 2)  # a start and an end


def test_events_before_the_services_are_open_are_a_bug(tmp_path: Path) -> None:
    services = EventServices(EventsConfig(folder=tmp_path), [])
    with pytest.raises(AssertionError):
        services.put(record(0, 1, "a"), Phase.END)
    assert list(tmp_path.iterdir()) == []
