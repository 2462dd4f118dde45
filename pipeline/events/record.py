"""An event as it is stored, delivered and exported."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from uuid import uuid4

SCHEMA_VERSION = 1  # of payloads and sidecars


class EventKind(str, Enum):
    """What happened."""

    OBJECT = "object"  # a confirmed track, from its first to its last observation
    ZONE = "zone"  # a track inside a zone, from entry to exit
    LINE = "line"  # a track crossed a line: start and end are the same moment
    DWELL = "dwell"  # a track stayed in a zone for longer than its `dwell_seconds`
    CAMERA = "camera"  # a camera was lost, from the loss to its return


class Phase(str, Enum):
    """What a change did to its event; the value is what receivers read."""

    START = "start"  # noted for the first time
    UPDATE = "update"  # a better frame, a longer stay; after the end: its clip is ready or failed
    END = "end"  # over; an event of one moment has only this phase
    GAP = "gap"  # no event: changes before this one were dropped (`payload.Gap`)


class ClipState(str, Enum):
    """Whether the clip of an event can be played."""

    NONE = "none"  # no clip is made of it
    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of an event on three clocks.

    pts: of the frame, in units of the event's time base; None if it has none, as for lost cameras
    seconds: on the clock of the stream's frames (as in JSON lines)
    wall: seconds since 1970, UTC; of recordings, of the file's own start if it is known
    """

    pts: int | None
    seconds: float
    wall: float


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One event; a change of it is a new record with the same uuid.

    uuid: the key by which receivers drop repeats
    sequence: counts the events of a stream from 1; 0 until the store has numbered it
    time_base: of `pts`, such as 1/90000
    last: of the latest observation; a run that was killed ends its open events there
    end: None while the event goes on
    ended_by: why the end was not observed, such as `restart`; None: it was
    class_name, track, score: of the object; None for cameras. score: the best so far
    box: x0, y0, x1, y1 in source pixels, of the best frame
    place: name of the zone or line
    direction: of a crossing, such as `left to right`
    cause: of a lost camera, in words without secrets
    snapshot, clip: paths relative to the events' folder
    clip_reason: why the clip failed
    """

    stream: str
    kind: EventKind
    start: Moment
    time_base: str = "1/90000"
    last: Moment | None = None
    end: Moment | None = None
    ended_by: str | None = None
    uuid: str = ""
    sequence: int = 0
    class_name: str | None = None
    track: int | None = None
    score: float | None = None
    box: tuple[float, float, float, float] | None = None
    place: str | None = None
    direction: str | None = None
    cause: str | None = None
    snapshot: str | None = None
    clip: str | None = None
    clip_state: ClipState = ClipState.NONE
    clip_reason: str | None = None


def new_uuid() -> str:
    """Return a random UUID (RFC 9562, version 4)."""
    return str(uuid4())
