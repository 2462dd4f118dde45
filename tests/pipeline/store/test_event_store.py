from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.events.record import ClipState, Phase
from pipeline.store.database import FILE, StoreError
from pipeline.store.event_log import EventLog
from pipeline.store.outbox import Outbox
from pipeline.store.outbox_writer import OutboxBounds
from tests.support.stored_events import moment, stored_event, write_clip


@contextmanager
def running(folder: Path, *transports: str, **options: float) -> Iterator[EventLog]:
    bounds = dict.fromkeys(transports, OutboxBounds())
    log = EventLog(folder, bounds, **options)  # type: ignore[arg-type]
    try:
        yield log
    finally:
        log.close()


def rows(folder: Path, statement: str) -> list[tuple[object, ...]]:
    """Ask SQLite itself, not our code."""
    with closing(sqlite3.connect(folder / FILE)) as connection:
        return connection.execute(statement).fetchall()


def test_sequence_numbers_count_each_stream_without_gaps_over_restarts_and_prunes(
    tmp_path: Path,
) -> None:
    for _ in range(3):
        with running(tmp_path) as log:
            for stream in ("door", "yard", "door"):
                log.put(stored_event(stream), Phase.END)
        with closing(sqlite3.connect(tmp_path / FILE)) as connection, connection:
            connection.execute("DELETE FROM events WHERE sequence = 1")
    found = rows(tmp_path, "SELECT stream, sequence FROM events ORDER BY stream, sequence")
    assert found == [("door", n) for n in range(2, 7)] + [("yard", n) for n in range(2, 4)]


def test_a_change_updates_its_event_and_keeps_its_number(tmp_path: Path) -> None:
    event = stored_event(lasts=None, score=0.5)
    with running(tmp_path) as log:
        log.put(event, Phase.START)
        log.put(stored_event(), Phase.END)
        log.put(replace(event, score=0.9, end=moment(3.0)), Phase.END)
    found = rows(
        tmp_path, f"SELECT sequence, score, end_seconds FROM events WHERE uuid = '{event.uuid}'"
    )
    assert found == [(1, 0.9, 3.0)]


def test_the_clip_stays_ready_although_an_older_record_of_its_event_is_put_later(
    tmp_path: Path,
) -> None:
    event = stored_event(clip_state=ClipState.PENDING, snapshot="snapshots/a.jpg")
    with running(tmp_path) as log:
        log.put(event, Phase.END)
        log.clip_settled(event.uuid, ClipState.READY, "clips/a.mp4")
        log.put(replace(event, score=0.99, snapshot=None), Phase.UPDATE)
    found = rows(tmp_path, "SELECT clip, clip_state, snapshot, score FROM events")
    assert found == [("clips/a.mp4", "ready", "snapshots/a.jpg", 0.99)]


def test_of_two_runs_with_one_store_the_second_is_refused(tmp_path: Path) -> None:
    with running(tmp_path), pytest.raises(StoreError, match="a run uses it: end that run"):
        EventLog(tmp_path)
    EventLog(tmp_path).close()


def test_events_of_a_killed_run_end_at_their_last_observation_and_their_clips_fail(
    tmp_path: Path,
) -> None:
    seen = stored_event(lasts=None, last=moment(4.5))
    unseen = stored_event(at=6.0, lasts=None, clip_state=ClipState.PENDING)
    whole = stored_event(clip_state=ClipState.PENDING)
    write_clip(tmp_path, "whole", whole)
    (tmp_path / "clips/broken.json").write_text("{")
    with running(tmp_path) as log:
        for event in (seen, unseen, whole):
            log.put(event, Phase.START)
    with running(tmp_path, "hook") as log:
        outbox = Outbox(tmp_path, log)
        told = {row.uuid: row.phase for row in outbox.next_rows("hook", 10)}
        outbox.close()
    columns = "SELECT end_seconds, ended_by, clip_state, clip, clip_reason FROM events ORDER BY id"
    assert rows(tmp_path, columns) == [
        (4.5, "restart", "none", None, None),
        (6.0, "restart", "failed", None, "the run ended before the clip was written"),
        (2.0, None, "ready", "clips/whole.mp4", None),
    ]
    assert told == {seen.uuid: Phase.END, unseen.uuid: Phase.END, whole.uuid: Phase.UPDATE}


def test_no_credentials_reach_the_disk(tmp_path: Path) -> None:
    with running(tmp_path, "hook") as log:
        event = stored_event(cause="cannot connect to rtsp://admin:hunter2@10.0.0.9/main")
        log.put(event, Phase.END)
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"10.0.0.9" in written
    assert b"hunter2" not in written
