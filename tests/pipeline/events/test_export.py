from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from detector.errors import UsageError
from pipeline.events.export import write_csv, write_events, write_json
from pipeline.events.record import EventKind, EventRecord
from tests.support.stored_events import stored_event


def test_csv_reads_back_with_what_is_unknown_left_empty() -> None:
    text = io.StringIO()
    camera = stored_event(
        "yard",
        kind=EventKind.CAMERA,
        lasts=None,
        box=None,
        score=None,
        cause='a "reason", with\nall',
    )
    write_csv([stored_event(place="gate"), camera], text)
    first, second = csv.DictReader(io.StringIO(text.getvalue()))
    assert (first["x0"], first["y1"], first["place"], first["end_seconds"]) == (
        *("1.5", "40.0", "gate", "2.0"),
    )
    assert first["start_time"] == "2026-09-21T14:13:20.000Z"
    assert (second["x0"], second["score"], second["end_time"]) == ("", "", "")
    assert second["cause"] == 'a "reason", with\nall'


@pytest.mark.parametrize("count", [0, 1, 3])
def test_json_is_an_array_with_one_event_per_line(count: int) -> None:
    text = io.StringIO()
    write_json([stored_event() for _ in range(count)], text)
    assert len(json.loads(text.getvalue())) == count
    assert len(text.getvalue().splitlines()) == (count + 2 if count else 1)


def test_the_file_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "new/events.csv"

    def broken() -> Iterator[EventRecord]:
        yield stored_event()
        assert not path.exists()
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_events(broken(), "csv", path)
    assert list(path.parent.iterdir()) == []
    write_events([stored_event()], "csv", path)
    assert [each.name for each in path.parent.iterdir()] == ["events.csv"]


def test_a_pipe_is_written_as_it_is(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    read: list[str] = []
    reader = Thread(target=lambda: read.append((tmp_path / "pipe").read_text(encoding="utf-8")))
    reader.start()
    write_events([stored_event()], "json", tmp_path / "pipe")
    reader.join()
    assert len(json.loads(read[0])) == 1


def test_a_file_that_cannot_be_written_is_an_error_of_the_option(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--output: .* cannot be written: Is a directory"):
        write_events([], "csv", tmp_path)
