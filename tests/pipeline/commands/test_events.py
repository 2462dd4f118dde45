from __future__ import annotations

import csv
import io
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.commands.framelane import main
from pipeline.events.record import ClipState, EventKind, EventRecord, Phase
from pipeline.store.database import FILE
from pipeline.store.event_log import EventLog
from tests.support.stored_events import START, stored_event

EVENTS = [
    stored_event("door", 0.0, 4.2, score=0.91, clip="clips/a.mp4", clip_state=ClipState.READY),
    stored_event("door", 60.0, 187.0, kind=EventKind.ZONE, place="yard", class_name="car"),
    stored_event("gate", 90.0, 0.0, kind=EventKind.LINE, place="exit", direction="out"),
    stored_event(
        "gate",
        7200.0,
        None,
        kind=EventKind.CAMERA,
        class_name=None,
        track=None,
        score=None,
        box=None,
        cause="no answer\x1b[2J",
    ),
]


TABLE = """\
STARTED                     LASTED  CAMERA  KIND    CLASS   PLACE     SCORE  CLIP   UUID
2026-09-21 18:13:20 +0200  goes on  gate    camera  -       -             -  -      {3}
2026-09-21 16:14:50 +0200    0.0 s  gate    line    person  exit out   0.75  -      {2}
2026-09-21 16:14:20 +0200     3:07  door    zone    car     yard       0.75  -      {1}
2026-09-21 16:13:20 +0200    4.2 s  door    object  person  -          0.91  ready  {0}
"""


def put(folder: Path, events: list[EventRecord]) -> EventLog:
    log = EventLog(folder)
    for event in events:
        log.put(event, Phase.START)
    assert log.flush(60.0)
    return log


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return the folder of a run that goes on."""
    with closing(put(tmp_path, EVENTS)):
        yield tmp_path


@pytest.fixture
def _berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def call(*words: object) -> Result:
    return CliRunner().invoke(main, ["events", *map(str, words)])


@pytest.mark.usefixtures("_berlin")
def test_list_aligns_its_columns_and_shows_local_times_with_their_zone(folder: Path) -> None:
    shown = call("list", "--folder", folder).stdout
    assert shown == TABLE.format(*(event.uuid[:8] for event in EVENTS))


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ("", [3, 2, 1, 0]),
        ("--camera door", [1, 0]),
        ("--class person", [2, 0]),
        ("--zone exit", [2]),
        ("--kind zone", [1]),
        ("--limit 1", [3]),
        ("--since 2026-09-21T14:14:20Z --until 2026-09-21T17:13:00+01:00", [2, 1]),
        ("--since 2026-09-22", []),
        ("--camera door --kind line", []),
    ],
)
def test_list_filters(folder: Path, options: str, numbers: list[int]) -> None:
    lines = call("list", "--folder", folder, "--json", *options.split()).stdout.splitlines()
    assert [json.loads(line)["uuid"] for line in lines] == [EVENTS[n].uuid for n in numbers]


def test_times_may_be_given_as_how_long_ago(tmp_path: Path) -> None:
    now = time.time() - START
    events = [stored_event(at=now - ago) for ago in (3000.0, 5000.0, 2.5 * 86400.0)]
    put(tmp_path, events).close()
    for since, count in (("1h", 1), ("90m", 2), ("2d", 2), ("3d", 3), ("1w", 3), ("0.5d", 2)):
        found = call("list", "--folder", tmp_path, "--json", "--since", since).stdout
        assert len(found.splitlines()) == count, since


def test_a_limited_list_says_how_many_there_are(folder: Path) -> None:
    result = call("list", "--folder", folder, "--limit", 3)
    assert len(result.stdout.splitlines()) == 4
    assert result.stderr == "3 of 4 events; --limit shows more\n"


def test_show_takes_the_beginning_of_a_uuid_and_prints_no_control_characters(
    folder: Path,
) -> None:
    result = call("show", EVENTS[3].uuid[:12], "--folder", folder)
    facts = dict(re.split(r" {2,}", line, maxsplit=1) for line in result.stdout.splitlines())
    assert (facts["uuid"], facts["lasted"]) == (EVENTS[3].uuid, "goes on")
    assert facts["cause"] == r"no answer\x1b[2J"
    assert "score" not in facts


def test_export_writes_csv_and_json(folder: Path, tmp_path: Path) -> None:
    uuids = [event.uuid for event in EVENTS]
    table = call("export", "--folder", folder).stdout
    assert [row["uuid"] for row in csv.DictReader(io.StringIO(table))] == uuids
    array = call("export", "--folder", folder, "--format", "json", "--camera", "gate").stdout
    assert [each["uuid"] for each in json.loads(array)] == uuids[2:]
    file = tmp_path / "new" / "events.json"
    assert call("export", "--folder", folder, "--output", file).exit_code == 0
    assert [each["uuid"] for each in json.loads(file.read_text())] == uuids


def test_prune_deletes_beside_a_run(folder: Path) -> None:
    with closing(sqlite3.connect(folder / FILE)) as connection, connection:
        connection.execute("UPDATE events SET noted_wall = start_wall")  # as if cameras saw them
    result = call("prune", "--folder", folder, "--older-than", "1s")
    assert result.stdout == "deleted 3 events, 0 clips and 0 snapshots (0 B)\n"
    assert len(call("list", "--folder", folder, "--json").stdout.splitlines()) == 1


def test_rebuild_says_what_it_kept_and_what_it_left_out(tmp_path: Path) -> None:
    put(tmp_path, EVENTS[:2]).close()
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips/wrong.json").write_text("{}")
    result = call("rebuild", "--folder", tmp_path)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[:2] == [
        f"{tmp_path / FILE} has 2 events:",
        "  2 from the old store, 0 from files beside clips",
    ]
    assert "wrong.json was left out: schema None is unknown" in result.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("list --since yesterday", 2, "'yesterday' is no time: give one such as 2026-11-28"),
        ("list --kind party", 2, "'party' is not one of"),
        ("prune", 2, "give --older-than, --keep-bytes, or both"),
        ("prune --older-than soon", 2, "'soon' is no length of time: give one such as 90s"),
        ("prune --keep-bytes much", 2, "'much' is no size: give one such as 500M"),
        ("show zz", 2, "no event has a UUID that begins with 'zz'"),
        ("rebuild", 1, "a run uses it: end that run"),
    ],
)
def test_mistakes_are_one_line_that_says_what_to_do(
    folder: Path, words: str, code: int, message: str
) -> None:
    result = call(*words.split(), "--folder", folder)
    assert result.exit_code == code
    assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("name", ["list", "show x", "export", "prune --older-than 1d", "rebuild"])
def test_a_folder_without_a_store_is_one_line(tmp_path: Path, name: str) -> None:
    result = call(*name.split(), "--folder", tmp_path / "none")
    assert result.exit_code == 2
    assert "give the folder of `events:` with --folder" in result.stderr
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("name", ["list", "show x", "export", "prune --older-than 1d"])
def test_a_damaged_store_is_one_line_that_names_rebuild(tmp_path: Path, name: str) -> None:
    (tmp_path / FILE).write_bytes(b"no database" * 1000)
    result = call(*name.split(), "--folder", tmp_path)
    assert result.exit_code == 1
    assert f"framelane events rebuild --folder {tmp_path}" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert call("rebuild", "--folder", tmp_path).exit_code == 0
    assert call("list", "--folder", tmp_path).exit_code == 0


def test_a_reader_that_goes_away_ends_the_export_without_a_traceback(tmp_path: Path) -> None:
    put(tmp_path, [stored_event() for _ in range(2000)]).close()
    read, write = os.pipe()
    code = "from pipeline.commands.framelane import main; main()"
    line = [sys.executable, "-c", code, "events", "export", "--folder", str(tmp_path)]
    with subprocess.Popen(line, stdout=write, stderr=subprocess.PIPE, text=True) as exporting:
        os.close(write)
        os.read(read, 10)
        os.close(read)
        assert exporting.stderr
        assert exporting.stderr.read() == ""
