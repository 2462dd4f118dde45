"""Snapshots: bounded in memory, whole on the disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.events.record import EventKind, EventRecord, Moment
from pipeline.events.snapshots import Snapshots, encoded
from tests.support.disks import small_disk


def record(uuid: str) -> EventRecord:
    wall = datetime(2026, 11, 28, 23, 59, tzinfo=timezone.utc).timestamp()
    return EventRecord("cam", EventKind.OBJECT, Moment(0, 0.0, wall), uuid=uuid)


@contextmanager
def small_disk_or_skip(folder: Path) -> Iterator[Path]:
    """Mount a disk of 600 kB."""
    with ExitStack() as stack:
        try:
            disk = stack.enter_context(small_disk(folder, "600k"))
        except OSError as error:
            pytest.skip(str(error))
        yield disk


def test_the_file_shows_the_frame_under_stream_day_and_uuid(tmp_path: Path) -> None:
    picture = np.zeros((120, 160, 3), np.uint8)
    picture[:, :80] = (200, 30, 60)
    snapshots = Snapshots(tmp_path, "cam")
    snapshots.keep("u1", encoded(picture))
    path = snapshots.write(record("u1"))
    assert path == "snapshots/cam/2026-11-28/u1.jpg"
    shown = cv2.imread(str(tmp_path / path))
    assert np.abs(np.asarray(shown, int) - picture).mean() < 3
    assert [each.name for each in (tmp_path / path).parent.iterdir()] == ["u1.jpg"]


def test_an_event_without_a_frame_has_no_file(tmp_path: Path) -> None:
    assert Snapshots(tmp_path, "cam").write(record("u1")) is None
    assert list(tmp_path.iterdir()) == []


def test_a_better_frame_takes_the_place_of_the_first_one(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path, "cam")
    snapshots.keep("u1", b"first")
    path = snapshots.write(record("u1"))
    assert path
    assert snapshots.write(record("u1")) == path  # nothing new
    snapshots.keep("u1", b"better")
    assert snapshots.write(record("u1")) == path
    assert (tmp_path / path).read_bytes() == b"better"
    snapshots.drop("u1")
    assert (len(snapshots), snapshots.bytes_held) == (0, 0)
    assert (tmp_path / path).exists()


def test_memory_is_bounded_and_the_oldest_frames_go(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path, "cam", max_bytes=100)
    for k in range(10):
        snapshots.keep(f"u{k}", bytes([k]) * 30)
        assert snapshots.bytes_held <= 100
    written = [snapshots.write(record(f"u{k}")) for k in range(10)]
    assert written[:7] == [None] * 7
    assert [Path(tmp_path, path).read_bytes()[0] for path in written[7:] if path] == [7, 8, 9]
    snapshots.keep("large", bytes(101))
    assert snapshots.bytes_held == 0


def test_a_file_that_cannot_be_written_costs_the_snapshot_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with small_disk_or_skip(tmp_path / "disk") as folder:
        snapshots = Snapshots(folder, "cam")
        snapshots.keep("u1", bytes(1 << 20))
        assert snapshots.write(record("u1")) is None
        assert (snapshots.failures, snapshots.bytes_held) == (1, 0)
        assert "No space left on device" in caplog.text
        assert [path for path in folder.rglob("*") if path.is_file()] == []
        snapshots.keep("u1", b"small")
        assert snapshots.write(record("u1"))
