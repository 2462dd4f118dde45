"""Which recordings the words of a command line mean, and what `{path}` stands for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from detector.errors import UsageError
from pipeline.library.recordings import find_recordings


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a folder `rec` of recordings and other things."""
    monkeypatch.chdir(tmp_path)
    for name in (
        *("rec/b.mp4", "rec/a.MKV", "rec/notes.txt", "rec/.hidden.mp4", "rec/.trash/x.mp4"),
        *("rec/north/cam 1.ts", "rec/north/é.mov", "rec/a.incomplete.mp4", "rec/odd.dav"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def paths(*words: str) -> list[str]:
    """Return what `{path}` stands for, for each recording."""
    return [recording.path for recording in find_recordings(words).recordings]


def test_a_folder_means_the_recordings_below_it_with_paths_below_it(here: Path) -> None:
    assert paths("rec") == ["a", "b", "north/cam 1", "north/é"]
    found = find_recordings(["rec"]).recordings
    assert (found[0].url, found[0].shown) == (str(here / "rec/a.MKV"), "rec/a.MKV")
    assert not any(each.named for each in found)


def test_a_folder_is_entered_once_whatever_links_lead_to_it(here: Path) -> None:
    (here / "rec/north/up").symlink_to(here / "rec")
    (here / "rec/zz").symlink_to("north")
    (here / "rec/self").symlink_to("self")
    assert paths("rec") == ["a", "b", "north/cam 1", "north/é"]


def test_links_lead_to_folders_and_files_elsewhere(here: Path) -> None:
    (here / "disk/day").mkdir(parents=True)
    (here / "disk/day/1.mp4").touch()
    (here / "rec/disk").symlink_to(here / "disk")
    (here / "rec/c.mp4").symlink_to(here / "disk/day/1.mp4")
    assert {"disk/day/1", "c"} < set(paths("rec"))


def test_a_link_to_nowhere_and_a_folder_that_cannot_be_read_are_warnings(here: Path) -> None:
    (here / "rec/gone.mp4").symlink_to("nowhere.mp4")
    (here / "rec/locked").mkdir()
    warnings: list[str] = find_recordings(["rec"]).warnings
    assert warnings == ["rec/gone.mp4: the link leads nowhere"]
    if os.geteuid():  # the superuser may read it
        (here / "rec/locked").chmod(0)
        assert "rec/locked: cannot be read: Permission denied" in find_recordings(["rec"]).warnings


def test_a_glob_gives_paths_below_its_fixed_part(here: Path) -> None:
    assert paths("rec/*/*.mov") == ["north/é"]
    assert paths("rec/**/*.ts") == ["north/cam 1"]
    assert paths("rec/*") == ["a", "b", "north/cam 1", "north/é"]  # no text, no .dav
    assert paths(str(here / "rec/n*")) == ["north/cam 1", "north/é"]


def test_a_glob_that_ends_with_a_suffix_means_all_such_files(here: Path) -> None:
    assert paths("rec/*.dav") == ["odd"]


def test_a_file_that_is_named_is_taken_whatever_its_suffix(here: Path) -> None:
    (recording,) = find_recordings(["rec/odd.dav"]).recordings
    assert (recording.path, recording.suffix, recording.named) == ("odd", "dav", True)


def test_a_name_with_wildcards_that_exists_is_a_file(here: Path) -> None:
    (here / "rec/take[1].mp4").touch()
    assert paths("rec/take[1].mp4") == ["take[1]"]


def test_a_recording_that_is_named_twice_is_done_once(here: Path) -> None:
    assert paths("rec/b.mp4", "rec", "./rec/b.mp4") == ["b", "a", "north/cam 1", "north/é"]


@pytest.mark.parametrize("word", ["list.txt", "@list.txt", "@list"])
def test_a_list_has_one_path_or_url_per_line(here: Path, word: str) -> None:
    text = "\ufeff# cameras\nrec/b.mp4\r\n\n  rec/north/é.mov \nhttps://host/day/1.mp4?key=2\n"
    (here / word.removeprefix("@")).write_text(text, encoding="utf-8")
    assert paths(word) == ["rec/b", "rec/north/é", "host/day/1"]


def test_a_relative_path_in_a_list_is_looked_for_beside_the_list_and_then_here(here: Path) -> None:
    (here / "rec/list.txt").write_text("b.mp4\nrec/a.MKV\n../rec/b.mp4\n/nowhere/x.mp4\n")
    found = find_recordings(["rec/list.txt"]).recordings
    assert [each.url for each in found] == [
        str(here / "rec/b.mp4"),
        str(here / "rec/a.MKV"),
        "/nowhere/x.mp4",
    ]
    assert [each.path for each in found] == ["b", "rec/a", "nowhere/x"]


@pytest.mark.parametrize(
    "text",
    [
        "id,path\n1,rec/b.mp4\n2,rec/a.MKV\n",
        'id;Video\n1;"rec/b.mp4"\n2;rec/a.MKV\n',
        "rec/b.mp4,1\nrec/a.MKV,2\n",
        "rec/b.mp4\nrec/a.MKV\n",
    ],
)
def test_a_table_has_its_recordings_in_the_named_or_the_first_column(here: Path, text: str) -> None:
    (here / "list.csv").write_text(text)
    assert paths("list.csv") == ["rec/b", "rec/a"]


def test_a_url_has_the_last_part_as_path_and_shows_no_credentials(here: Path) -> None:
    (found,) = find_recordings(["https://u:hunter3@host/bucket/cam%201.mp4?sig=s3cr3t"]).recordings
    assert (found.path, found.suffix) == ("cam 1", "mp4")
    assert "hunter3" not in repr(found) and "s3cr3t" not in repr(found)
    assert "hunter3" in found.url


@pytest.mark.parametrize(
    ("word", "complaint"),
    [
        ("nowhere.mp4", "nowhere.mp4: no such file or folder"),
        ("rec/*.webm", "rec/*.webm: no recording matches"),
        ("empty", "empty: no recordings there"),
        ("nowhere.txt", "nowhere.txt: the list cannot be read: No such file"),
        ("@nowhere", "nowhere: the list cannot be read"),
        ("void.txt", "void.txt: the list is empty"),
        ("binary.txt", "binary.txt: the list is no text"),
        ("folders.txt", "folders.txt: rec is a folder"),
        ("rtsp://camera/1", "it is live"),
        ("s3://bucket/a.mp4", "no source reads 's3'"),
    ],
)
def test_what_names_no_recording_is_refused(here: Path, word: str, complaint: str) -> None:
    (here / "empty").mkdir()
    (here / "void.txt").write_text("# nothing\n\n")
    (here / "binary.txt").write_bytes(b"\xff\xd8\xff\x00")
    (here / "folders.txt").write_text("rec\n")
    with pytest.raises(UsageError) as refused:
        find_recordings([word])
    assert complaint in str(refused.value)
