"""The JSON file beside each clip: what it shows, so that a lost store can be made anew.

It has the clip's name with the suffix `.json`. Times are `payload` moments. An event without a clip
has no sidecar.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from pipeline.events.payload import as_text, check_version, event_from_json, event_json, utc
from pipeline.events.record import SCHEMA_VERSION, EventRecord, Moment


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What a clip holds.

    path: relative to the folder of the events
    requested_start, requested_end: the events with their margins
    start, end: of the first picture, and after the last one; a clip begins at a keyframe
    time_base: of every `pts` in the sidecar
    bytes: size of the clip
    missing: why it does not hold all that was requested; None: it does
    """

    stream: str
    path: str
    requested_start: Moment
    requested_end: Moment
    start: Moment
    end: Moment
    time_base: str
    bytes: int
    missing: str | None = None


@dataclass(frozen=True, slots=True)
class TrackBoxes:
    """Where a track was in the clip: (pts, x0, y0, x1, y1), in source pixels."""

    track: int
    class_name: str
    boxes: tuple[tuple[int, float, float, float, float], ...]


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A clip, the events that it was made of, and the tracks in it."""

    clip: ClipFacts
    events: tuple[EventRecord, ...]
    tracks: tuple[TrackBoxes, ...] = ()


_CLIP = TypeAdapter(ClipFacts)
_TRACKS = TypeAdapter(tuple[TrackBoxes, ...])
_MOMENTS = ("requested_start", "requested_end", "start", "end")


def sidecar_json(sidecar: Sidecar) -> dict[str, Any]:
    """Return a sidecar as plain values."""
    clip = asdict(sidecar.clip)
    for key in _MOMENTS:
        clip[key]["time"] = utc(clip[key]["wall"])
    return {
        "schema": SCHEMA_VERSION,
        "clip": clip,
        "events": [event_json(event) for event in sidecar.events],
        "tracks": [asdict(track) for track in sidecar.tracks],
    }


def sidecar_from_json(form: Any) -> Sidecar:
    """Return the sidecar that `sidecar_json` has written; raises ValueError for anything else."""
    if not isinstance(form, dict):
        raise ValueError("a sidecar is a JSON object")
    check_version(form)
    events = form.get("events")
    if not isinstance(events, list):
        raise ValueError("a sidecar has a list of events")
    return Sidecar(
        _CLIP.validate_python(form.get("clip")),
        tuple(event_from_json(event) for event in events),
        _TRACKS.validate_python(form.get("tracks", [])),
    )


def sidecar_path(clip: Path) -> Path:
    """Return the path of a clip's sidecar."""
    return clip.with_suffix(".json")


def write_sidecar(path: Path, sidecar: Sidecar) -> None:
    """Write a sidecar to the disk, under its name only when it is complete; raises OSError."""
    part = path.with_name(f"{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        file.write(as_text(sidecar_json(sidecar)) + "\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def read_sidecar(path: Path) -> Sidecar:
    """Return the sidecar in a file; raises OSError, or ValueError for anything else in it."""
    return sidecar_from_json(json.loads(path.read_text(encoding="utf-8")))
