"""The manifest keeps what was done, survives a crash, and belongs to one run at a time."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from detector.errors import FramelaneError, UsageError
from pipeline.library.executor import Fingerprint
from pipeline.library.manifest import Entry, LibraryManifest, State
from pipeline.library.plan import Task
from tests.support.library_plan import plan_for, write_files

ENTRY = Entry(State.DONE, Fingerprint(9, 8, "hash"), "digest", faults=("a", "b"), frames=7)


@pytest.fixture
def task(tmp_path: Path) -> Task:
    """The only task of a plan in `tmp_path`."""
    write_files(tmp_path, 1)
    return plan_for(tmp_path).tasks[0]


@pytest.fixture
def path(tmp_path: Path, task: Task) -> Path:
    """A manifest with one entry."""
    path = tmp_path / "out/library.sqlite"
    with closing(LibraryManifest(path)) as manifest, manifest.transaction():
        manifest.write(task, ENTRY)
    return path


@pytest.fixture
def opened(path: Path) -> Iterator[LibraryManifest]:
    """The manifest, opened again."""
    with closing(LibraryManifest(path)) as manifest:
        yield manifest


def test_an_entry_is_there_in_the_next_run(opened: LibraryManifest, task: Task) -> None:
    assert opened.entry(task) == ENTRY
    assert opened.entry(replace(task, outputs=("elsewhere",))) is None


def test_another_recording_under_the_same_outputs_is_judged_by_its_content(
    opened: LibraryManifest, task: Task
) -> None:
    moved = replace(task, recording=replace(task.recording, url="/elsewhere/00000.mp4"))
    entry = opened.entry(moved)
    assert entry and entry.fingerprint == Fingerprint(9, 0, "hash")


def test_a_commit_is_on_the_disk_when_it_ends(opened: LibraryManifest, tmp_path: Path) -> None:
    database = opened._database
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert database.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


def test_what_was_committed_survives_a_crash_and_the_rest_is_as_if_it_never_was(
    path: Path, task: Task, tmp_path: Path
) -> None:
    other = replace(task, outputs=("other",))
    with closing(LibraryManifest(path)) as manifest:
        with manifest.transaction():
            manifest.write(other, ENTRY)
        manifest._database.execute("BEGIN")
        manifest.write(task, replace(ENTRY, frames=0))
        shutil.copytree(path.parent, tmp_path / "crashed")  # what a killed process leaves
        manifest._database.execute("ROLLBACK")
    connection = sqlite3.connect(tmp_path / "crashed/library.sqlite")
    with closing(connection):
        rows = connection.execute("SELECT frames FROM recordings").fetchall()
        assert sorted(rows) == [(7,), (7,)]


def test_a_moved_folder_keeps_its_entries(path: Path, task: Task, tmp_path: Path) -> None:
    path.parent.rename(tmp_path / "moved")
    moved = replace(task, outputs=tuple(each.replace("out", "moved") for each in task.outputs))
    with closing(LibraryManifest(tmp_path / "moved/library.sqlite")) as manifest:
        assert manifest.entry(moved) == ENTRY


def test_two_runs_cannot_share_a_manifest(opened: LibraryManifest) -> None:
    with pytest.raises(FramelaneError, match="another run works on it"):
        LibraryManifest(opened.path)


def test_a_failure_of_another_version_is_forgotten_and_what_it_did_is_not(
    path: Path, task: Task
) -> None:
    failed = replace(task, outputs=("failed",))
    with closing(LibraryManifest(path)) as manifest, manifest.transaction():
        manifest.write(failed, replace(ENTRY, state=State.FAILED))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE recordings SET version = '0.1'")
    with closing(LibraryManifest(path)) as manifest:
        assert manifest.entry(failed) is None
        assert manifest.entry(task) == ENTRY


def test_what_is_no_manifest_of_ours_is_named(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(FramelaneError, match="a newer Framelane wrote it"):
        LibraryManifest(path)
    path.write_bytes(b"a text that is no database" * 100)
    with pytest.raises(FramelaneError, match="give another file with --manifest"):
        LibraryManifest(path)
    with pytest.raises(UsageError, match=r"cannot be written: Is a directory: give another file"):
        LibraryManifest(path.parent)
