"""A recording gives the same events as the camera that it was recorded from.

A busy machine may drop frames of the camera. Then the recording is read without these frames, so
that both runs see the same ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import pytest

from detector.detections import UInt8Array
from detector.engines import ENGINES, EngineEntry
from pipeline.assembly.run import build
from pipeline.config import RunConfig
from pipeline.events.record import EventKind, EventRecord
from pipeline.events.sink import EventSink
from pipeline.store.queries import EventFilter, EventReader
from tests.support.blue_engine import BLUE
from tests.support.cameras import (
    Server,
    numbered_frame,
    require_gstreamer,
    until,
    write_units,
)
from tests.support.runs import running_well

RATE = 10  # frames per second
ROUND = 40  # frames after which the clip begins anew
ROUNDS = 2


def scene() -> Iterator[UInt8Array]:
    """Yield frames in which an object goes through the picture, and is away for a while."""
    for index in range(ROUND):
        frame = numbered_frame(0)
        if 4 <= index < 28:
            left = 20 + 14 * (index - 4)
            cv2.rectangle(frame, (left, 16), (left + 60, 44), BLUE, cv2.FILLED)
        yield frame


def config(folder: Path, source: dict[str, Any], **more: Any) -> RunConfig:
    line = {"name": "middle", "start": [0.5, 0], "end": [0.5, 1], "margin": 0.01}
    zone = {"name": "part", "polygon": [[0.3, 0], [0.6, 0], [0.6, 1], [0.3, 1]]}
    run = {
        "sources": [source | {"name": "cam"}],
        "model": {"engine": "blue"},
        "attention": "off",  # the recording is looked at in every frame
        "outputs": [str(folder / "cam.jsonl")],
        "analytics": {"lines": [line], "zones": [zone | {"dwell_seconds": 0.5}]},
        "events": {"folder": str(folder), "min_seconds": 0.5, "forget_seconds": 1.0, "clips": None},
    }
    return RunConfig.model_validate(run | more)


def stored(folder: Path) -> list[EventRecord]:
    """Return the events that ended by themselves."""
    with closing(EventReader(folder)) as reader:
        return [e for e in reader.all(EventFilter()) if e.end and e.ended_by is None]


def record_live(folder: Path, server: Server) -> Path:
    """Run and record the camera until enough has happened; return the recording."""
    recording = {"url": str(folder / "%Y%m%d-%H%M%S.mkv")}
    camera = {"url": server.url("cam"), "max_age": 30.0}
    with running_well(config(folder, camera, recording=recording)) as run:
        (stream,) = run.streams
        (events,) = [output.sink for output in stream.outputs if output.name == "events"]
        assert isinstance(events, EventSink)
        until(lambda: crossings(events) > ROUNDS)
    (recorded,) = folder.glob("*.mkv")
    return recorded


def frames_seen(folder: Path) -> set[int]:
    """Return which frames of the recording the run on the camera saw, counted from 0."""
    lines = [json.loads(line) for line in (folder / "cam.jsonl").read_text("utf-8").splitlines()]
    first = lines[0]
    for line in lines:  # the index counts every frame that the camera has sent
        seconds = (line["pts"] - first["pts"]) * Fraction(line["time_base"])
        assert round(seconds * RATE) == line["index"] - first["index"]
    return {line["index"] for line in lines}


def without_unseen(recording: Path, seen: set[int]) -> Path:
    """Return a copy of a recording of keyframes only, without the frames that were not seen.

    What was recorded after the last frame that was seen is kept.
    """
    copy = recording.with_name("seen.mkv")
    with av.open(str(recording)) as source, av.open(str(copy), "w") as target:
        video = target.add_stream_from_template(source.streams.video[0])
        packets = [packet for packet in source.demux(video=0) if packet.pts is not None]
        assert all(packet.is_keyframe for packet in packets)
        for index, packet in enumerate(packets):
            if index in seen or index > max(seen):
                packet.stream = video
                target.mux(packet)
    return copy


def crossings(events: EventSink) -> int:
    """Return how many crossings were noted, of all classes."""
    return sum(count for (kind, _), count in events.noted.items() if kind is EventKind.LINE)


def facts(events: list[EventRecord]) -> list[tuple[object, ...]]:
    """Return what must be the same; times in frames since the first event's start."""
    zero = events[0].start.pts
    assert zero is not None
    found = []
    for event in events:
        assert event.end and event.start.pts is not None and event.end.pts is not None
        ticks = 1 / Fraction(event.time_base) / RATE  # in a frame
        found.append(
            (
                event.kind,
                event.class_name,
                event.place,
                event.direction,
                event.track,
                event.box,
                event.score,
                round((event.start.pts - zero) / ticks, 2),
                round((event.end.pts - zero) / ticks, 2),
            )
        )
    return sorted(found, key=str)


def test_a_recording_gives_the_events_of_its_camera(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_gstreamer()
    monkeypatch.setitem(ENGINES, "blue", EngineEntry("tests.support.blue_engine"))
    clip = write_units(tmp_path / "clip", scene(), gop=1)
    live = tmp_path / "live"
    live.mkdir()
    with Server({"cam": {"clip": clip, "fps": RATE}}) as server:
        recording = record_live(live, server)
    file = without_unseen(recording, frames_seen(live))
    again = tmp_path / "again"
    again.mkdir()
    run = build(config(again, {"url": str(file)}))
    run.pipeline.start()
    run.pipeline.join()
    assert run.pipeline.failures == []
    from_camera, from_file = facts(stored(live)), facts(stored(again))
    assert {kind for kind, *_ in from_camera} == {
        EventKind.OBJECT,
        EventKind.ZONE,
        EventKind.LINE,
        EventKind.DWELL,
    }
    assert len(from_camera) >= 4 * ROUNDS
    assert [fact for fact in from_camera if fact not in from_file] == []
    # the recording may go on for some frames after the last one that was decoded
    assert len(from_file) - len(from_camera) <= 4
