"""Events with clips, footage of numbered frames, and what FFmpeg finds in a clip."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import time
from typing import Any

import av
import numpy as np

from detector.detections import UInt8Array
from pipeline.clips.maker import ClipMaker
from pipeline.events.record import ClipState, EventKind, EventRecord, Moment, Phase, new_uuid
from pipeline.events.sidecar import Sidecar, read_sidecar, sidecar_path
from pipeline.sources.street.frame_counter import read_counter
from pipeline.store.event_log import EventLog
from pipeline.store.queries import EventFilter, EventReader
from tests.support.cameras import CAP
from tests.support.ffmpeg import tool

ZERO = time() + 3600.0  # seconds since 1970, when the streams of these tests begin: no clip ends
# because its time is over, however slow a test is


def event(start: float, end: float | None = None, **other: Any) -> EventRecord:
    """Return a person's event in the stream `door`; start, end: seconds of the stream."""
    values: dict[str, Any] = {
        "stream": "door",
        "kind": EventKind.OBJECT,
        "uuid": new_uuid(),
        "class_name": "person",
        "track": 7,
        "clip_state": ClipState.PENDING,
    }
    ended = None if end is None else moment(end)
    return EventRecord(start=moment(start), end=ended, **(values | other))


def moment(seconds: float) -> Moment:
    """Return a moment of a stream that begins at ZERO."""
    return Moment(round(seconds * 90_000), seconds, ZERO + seconds)


def at_end(record: EventRecord, end: float) -> EventRecord:
    """Return the event as it ends."""
    return replace(record, end=moment(end))


def put(maker: ClipMaker, records: Iterable[EventRecord]) -> None:
    """Hand on events whose end is known at once, as that of a crossing is."""
    for record in records:
        maker.put(record, Phase.START)


@contextmanager
def making(folder: Path, **options: Any) -> Iterator[tuple[ClipMaker, EventLog]]:
    """Yield a clip maker with its store; when this ends, all clips are settled and stored."""
    event_log = EventLog(folder)
    try:
        maker = ClipMaker(folder, event_log, **options)
        try:
            yield maker, event_log
        finally:
            maker.close()
        assert event_log.flush(CAP)
    finally:
        event_log.close()


def stored(folder: Path) -> list[EventRecord]:
    """Return the events in the store, in the order of their numbers."""
    reader = EventReader(folder)
    try:
        return sorted(reader.all(EventFilter()), key=lambda each: each.sequence)
    finally:
        reader.close()


def clips(folder: Path) -> list[Path]:
    """Return the clips that have their final names, in order."""
    found = (folder / "clips").rglob("*.*")
    return sorted(path for path in found if path.suffix in {".mp4", ".mkv"})


def sidecar_of(folder: Path, record: EventRecord) -> Sidecar:
    """Return the sidecar of an event's clip."""
    assert record.clip
    return read_sidecar(sidecar_path(folder / record.clip))


def counters(path: Path) -> list[int | None]:
    """Decode a clip with FFmpeg, and return the numbers that are drawn in its frames."""
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    return [read_counter(_bytes(frame)) for frame in frames]


def plays(path: Path) -> bool:
    """Return whether FFmpeg decodes all packets of a file without a complaint."""
    tool("ffprobe", str(path))  # skips visibly if it is not installed
    line = ["ffmpeg", "-v", "error", "-xerror", "-i", str(path), "-f", "null", "-"]
    done = subprocess.run(line, capture_output=True, check=False)
    return not done.returncode and not done.stderr


def codecs(path: Path) -> list[str]:
    """Return the codecs of a file's streams, from ffprobe."""
    shown = json.loads(tool("ffprobe", "-of", "json", "-show_streams", str(path)))
    return [stream["codec_name"] for stream in shown["streams"]]


def _bytes(frame: Any) -> UInt8Array:
    return np.asarray(frame, np.uint8)
