"""Recordings through the API: by time, in parts, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.runs import minimal_config, quick_clip
from tests.support.web import Visitor, visited

RECORDINGS = "/api/v1/recordings"
NOON = 1_790_078_400.0  # 2026-09-22 12:00:00 UTC


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    folder = tmp_path_factory.mktemp("rec")
    for name, length in (("120000.mp4", 600), ("121000.mp4", 600), ("122000~2.mp4", 60)):
        path = folder / "steady/2026-09-22" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"0123456789")
        start = NOON + 600 * ["120000", "121000", "122000"].index(name[:6])
        os.utime(path, (start + length, start + length))
    (folder / "steady/notes.txt").write_text("no recording")
    endless = quick_clip(10**9, name="steady", realtime=True)
    recording = {"url": str(folder / "{stream}/%Y-%m-%d/%H%M%S.mp4")}
    config = minimal_config(
        tmp_path_factory.mktemp("out"),
        endless,
        serve={"address": "127.0.0.1:0"},
        recording=recording,
    )
    with visited(config) as found:
        yield found


def test_recordings_are_listed_by_time(visitor: Visitor) -> None:
    answer = visitor.ask("GET", f"{RECORDINGS}?camera=steady")
    found = [(each["start"], each["end"], each["bytes"]) for each in answer.content["recordings"]]
    assert found == [
        (NOON, NOON + 600, 10),
        (NOON + 600, NOON + 1200, 10),
        (NOON + 1200, NOON + 1260, 10),
    ]


def test_a_time_shows_the_recordings_that_overlap_it(visitor: Visitor) -> None:
    query = f"?camera=steady&since={NOON + 599}&until={NOON + 601}"
    found = visitor.ask("GET", RECORDINGS + query).content["recordings"]
    assert [each["start"] for each in found] == [NOON, NOON + 600]


def test_a_recording_is_sent_in_parts(visitor: Visitor) -> None:
    (url, *_) = [
        each["url"]
        for each in visitor.ask("GET", f"{RECORDINGS}?camera=steady").content["recordings"]
    ]
    answer = visitor.ask("GET", url, headers={"Range": "bytes=7-"})
    assert (answer.status, answer.content) == (206, b"789")
    assert answer.headers["content-type"] == "video/mp4"


@pytest.mark.parametrize(
    "path",
    ["notes.txt", "../../etc/passwd", "2026-09-22/../notes.txt", "2026-09-22/999999.mp4", ""],
)
def test_nothing_but_recordings_is_sent(visitor: Visitor, path: str) -> None:
    assert visitor.ask("GET", f"{RECORDINGS}/steady/{quote(path, safe='')}").status == 404
    assert visitor.ask("GET", f"{RECORDINGS}/nobody/2026-09-22/120000.mp4").status == 404


def test_a_camera_must_be_named(visitor: Visitor) -> None:
    assert visitor.ask("GET", RECORDINGS).status == 400
    assert visitor.ask("GET", f"{RECORDINGS}?camera=nobody").status == 404


def test_without_recordings_the_answer_says_how_to_have_some(tmp_path: Path) -> None:
    config = minimal_config(
        tmp_path, quick_clip(10**9, realtime=True), serve={"address": "127.0.0.1:0"}
    )
    with visited(config) as found:
        answer = found.ask("GET", f"{RECORDINGS}?camera=synthetic")
    assert answer.status == 404 and "section 'recording'" in answer.content["detail"]
