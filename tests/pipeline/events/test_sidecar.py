from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.events.record import ClipState
from pipeline.events.sidecar import (
    ClipFacts,
    Sidecar,
    TrackBoxes,
    read_sidecar,
    sidecar_from_json,
    sidecar_path,
    write_sidecar,
)
from tests.support.stored_events import moment, stored_event


def sidecar() -> Sidecar:
    clip = ClipFacts(
        stream="door",
        path="clips/door/a.mp4",
        requested_start=moment(1.0),
        requested_end=moment(9.0),
        start=moment(0.5),
        end=moment(9.0),
        time_base="1/90000",
        bytes=1234,
    )
    events = (stored_event(at=6.0, clip=clip.path, clip_state=ClipState.READY), stored_event())
    return Sidecar(clip, events, (TrackBoxes(7, "person", ((540000, 1.0, 2.0, 3.0, 4.0),)),))


def test_a_sidecar_survives_its_file(tmp_path: Path) -> None:
    path = sidecar_path(tmp_path / "a.mp4")
    written = sidecar()
    write_sidecar(path, written)
    assert read_sidecar(path) == written
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]


def test_a_sidecar_says_when_its_clip_begins_in_words(tmp_path: Path) -> None:
    write_sidecar(tmp_path / "a.json", sidecar())
    form = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert form["clip"]["start"] == {
        "pts": 45000,
        "seconds": 0.5,
        "wall": 1790000000.5,
        "time": "2026-09-21T14:13:20.500Z",
    }


@pytest.mark.parametrize("form", [None, [], {}, {"schema": 1}, {"schema": 1, "events": []}])
def test_other_json_is_refused(form: object) -> None:
    with pytest.raises(ValueError, match=r"sidecar|schema|validation"):
        sidecar_from_json(form)
