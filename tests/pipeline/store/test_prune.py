from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from time import time

import pytest

from pipeline.events.record import ClipState, EventRecord, Phase
from pipeline.store.database import FILE, StoreError
from pipeline.store.event_log import EventLog
from pipeline.store.prune import Pruning, prune
from tests.support.stored_events import START, stored_event

CLIP = 1000  # bytes


@pytest.fixture(autouse=True)
def _noted_at_once(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Let the clock of the store stand where the events begin, as if cameras saw them."""
    if "of_a_recording" not in request.node.name:
        monkeypatch.setattr("pipeline.store.event_log.time", lambda: START)


def with_files(folder: Path, number: int, **other: object) -> EventRecord:
    """Return an event that started after `number` hours and has a clip and a snapshot."""
    clip, snapshot = f"clips/door/{number}.mp4", f"snapshots/{number}.jpg"
    for name in (clip, snapshot, f"clips/door/{number}.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(bytes(CLIP))
    event = stored_event(at=3600.0 * number, clip_state=ClipState.READY)
    return replace(event, clip=clip, snapshot=snapshot, **other)  # type: ignore[arg-type]


def store(folder: Path, *events: EventRecord) -> None:
    log = EventLog(folder)
    for event in events:
        log.put(event, Phase.END)
    log.close()


def stored(folder: Path) -> list[str]:
    with closing(sqlite3.connect(folder / FILE)) as connection:
        return [uuid for (uuid,) in connection.execute("SELECT uuid FROM events ORDER BY id")]


def files(folder: Path) -> set[str]:
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if path.is_file())
    return {name for name in found if not name.startswith((".", "events."))}


def test_old_events_go_with_their_clips_sidecars_and_snapshots(tmp_path: Path) -> None:
    events = [with_files(tmp_path, number) for number in range(4)]
    store(tmp_path, *events)
    done = prune(tmp_path, 3600.0, None, now=START + 3 * 3600.0)
    assert stored(tmp_path) == [event.uuid for event in events[2:]]
    kept = {f"{name}{ending}" for name in ("2", "3") for ending in (".mp4", ".json", ".jpg")}
    assert {Path(name).name for name in files(tmp_path)} == kept
    assert (done.events, done.clips, done.snapshots, done.bytes) == (2, 2, 2, 6 * CLIP)


def test_old_events_of_a_recording_that_was_read_now_stay_until_they_are_old_here(
    tmp_path: Path,
) -> None:
    event = with_files(tmp_path, 0)
    assert time() > START + 3600.0
    store(tmp_path, event)
    prune(tmp_path, 3600.0, None)
    assert stored(tmp_path) == [event.uuid]
    assert len(files(tmp_path)) == 3
    prune(tmp_path, 3600.0, None, now=time() + 3601.0)
    assert stored(tmp_path) == []


def test_the_oldest_go_until_clips_and_snapshots_fit(tmp_path: Path) -> None:
    events = [with_files(tmp_path, number) for number in range(30)]
    store(tmp_path, *events)
    prune(tmp_path, None, 45 * CLIP)
    assert sum((tmp_path / name).stat().st_size for name in files(tmp_path)) <= 45 * CLIP
    kept = stored(tmp_path)
    assert kept == [event.uuid for event in events[-len(kept) :]]
    assert len(kept) >= 10  # as one transaction deletes ten events


def test_a_clip_that_a_later_event_shares_stays(tmp_path: Path) -> None:
    first = with_files(tmp_path, 0)
    later = replace(with_files(tmp_path, 9), clip=first.clip)
    store(tmp_path, first, later)
    prune(tmp_path, 3600.0, None, now=START + 9 * 3600.0)
    assert stored(tmp_path) == [later.uuid]
    assert {"clips/door/0.mp4", "clips/door/0.json"} <= files(tmp_path)


def test_an_event_whose_clip_is_still_written_stays_until_it_is_ready(tmp_path: Path) -> None:
    event = replace(with_files(tmp_path, 0), clip_state=ClipState.PENDING)
    log = EventLog(tmp_path)
    with closing(log):
        log.put(event, Phase.END)
        assert log.flush(60)
        prune(tmp_path, 3600.0, 0, now=START + 9 * 3600.0)
        assert stored(tmp_path) == [event.uuid]
        log.clip_settled(event.uuid, ClipState.READY, event.clip)
        assert log.flush(60)
        prune(tmp_path, 3600.0, 0, now=START + 9 * 3600.0)
    assert stored(tmp_path) == []
    assert files(tmp_path) == set()


def test_events_that_go_on_or_ended_lately_stay(tmp_path: Path) -> None:
    lately = stored_event(lasts=3600.0)
    log = EventLog(tmp_path)
    with closing(log):
        going_on = stored_event(lasts=None)
        for event in (lately, going_on):
            log.put(event, Phase.START)
        assert log.flush(60.0)
        prune(tmp_path, 60.0, 0, now=START + 3600.0)
        assert stored(tmp_path) == [lately.uuid, going_on.uuid]


def test_a_name_that_leads_out_of_the_folder_deletes_nothing(tmp_path: Path) -> None:
    folder, other = tmp_path / "events", tmp_path / "precious.mp4"
    other.write_bytes(b"precious")
    store(folder, stored_event(clip="../precious.mp4", snapshot=str(other)))
    done = prune(folder, 0.0, None)
    assert (done.events, done.clips, done.snapshots) == (1, 0, 0)
    assert other.exists()


def test_the_database_gives_back_its_pages(tmp_path: Path) -> None:
    store(tmp_path, *(stored_event(cause="x" * 500) for _ in range(2000)))
    before = (tmp_path / FILE).stat().st_size
    prune(tmp_path, 0.0, None)
    assert (tmp_path / FILE).stat().st_size < before / 4


def test_a_run_goes_on_writing_while_another_process_prunes(tmp_path: Path) -> None:
    store(tmp_path, *(stored_event() for _ in range(2000)))
    log, pruned = EventLog(tmp_path), Event()

    def delete() -> None:
        prune(tmp_path, 0.0, None, now=START + 10.0)
        pruned.set()

    thread = Thread(target=delete)
    put = []
    with closing(log):
        thread.start()
        while not pruned.is_set():
            put.append(stored_event(at=1e6))
            log.put(put[-1], Phase.END)
            log.flush(60.0)
        thread.join()
    assert stored(tmp_path) == [event.uuid for event in put]
    assert log.figures.lost == 0


def test_a_file_that_cannot_be_deleted_is_one_line(tmp_path: Path) -> None:
    event = with_files(tmp_path, 0)
    (tmp_path / "clips/door/0.mp4").unlink()
    (tmp_path / "clips/door/0.mp4").mkdir()
    store(tmp_path, event)
    with pytest.raises(StoreError, match=r"0\.mp4 cannot be deleted") as raised:
        prune(tmp_path, 0.0, None)
    assert "\n" not in str(raised.value)
    assert stored(tmp_path) == [event.uuid]  # so that the next prune finds it again


def test_a_run_prunes_its_own_store(tmp_path: Path) -> None:
    events = [with_files(tmp_path, number) for number in range(30)]
    log = EventLog(tmp_path)
    with closing(log):
        for event in events:
            log.put(event, Phase.END)
        assert log.flush(60.0)
        pruning = Pruning(tmp_path, None, 45 * CLIP)
        while len(stored(tmp_path)) == len(events):
            log.flush(60.0)
        pruning.close()
    assert stored(tmp_path)[-1] == events[-1].uuid
