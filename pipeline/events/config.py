"""The section `events` of a configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from detector.errors import UsageError, did_you_mean
from pipeline.checked_text import StreamName
from pipeline.events.quiet_hours import QuietHoursText
from pipeline.events.record import EventKind


class EventFilters(BaseModel):
    """Which events are noted. Those about cameras are subject to `kinds` only."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
    kinds: tuple[EventKind, ...] = Field(
        default=tuple(EventKind), description="object, zone, line, dwell, camera; default: all"
    )
    classes: tuple[str, ...] | None = Field(
        default=None, description="only objects of these classes; default: all"
    )
    min_score: float = Field(
        default=0.5, ge=0, le=1, description="the best score of an object must reach this"
    )
    min_seconds: float = Field(
        default=1.0, ge=0, description="from the first to the last observation of an object"
    )
    zones: tuple[str, ...] | None = Field(
        default=None,
        description="only objects that have been in one of these zones, and only their visits to "
        "these; default: all",
    )
    quiet_hours: tuple[QuietHoursText, ...] = Field(
        default=(),
        description="an event that begins then is not noted: local time, such as ['22:00-06:00']",
    )
    cool_down_seconds: float = Field(
        default=0.0,
        ge=0,
        description="no event begins so soon after another of the same kind, class, and line or "
        "zone",
    )
    forget_seconds: float = Field(
        default=2.0, gt=0, description="an object that is unseen for longer has left"
    )


class ClipsConfig(BaseModel):
    """The clips of events."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
    pre_seconds: float = Field(default=5.0, ge=0, description="before the event's start")
    post_seconds: float = Field(default=5.0, ge=0, description="after the event's end")
    max_seconds: float = Field(default=300.0, gt=0, description="a longer clip is cut off")


class EventsConfig(EventFilters):
    """Which events are noted, with which pictures, and for how long they are kept."""

    folder: Path = Field(
        default=Path("runs/events"), description="of events.sqlite, clips/ and snapshots/"
    )
    clips: ClipsConfig | None = Field(default=ClipsConfig(), description="null: none are made")
    snapshots: bool = Field(default=True, description="keep the best frame of each event")
    keep_seconds: float | None = Field(
        default=2_592_000.0, gt=0, description="older events are deleted; null: none is"
    )
    keep_bytes: int | None = Field(
        default=None,
        gt=0,
        description="the oldest clips and snapshots are deleted while all of them are larger; "
        "default: none is",
    )
    streams: Mapping[StreamName, EventFilters] = Field(
        default_factory=dict, description="other filters for single streams"
    )

    def filters(self, stream: str) -> EventFilters:
        """Return the filters of a stream: its own where it has some, the general ones elsewhere."""
        own = self.streams.get(stream)
        given = {key: getattr(self, key) for key in EventFilters.model_fields}
        if own is not None:
            given |= {key: getattr(own, key) for key in own.model_fields_set}
        return EventFilters.model_construct(**given)

    def check(
        self,
        classes: Sequence[str],
        zones: Iterable[str],
        *,
        streams: Iterable[str] | None = None,
    ) -> None:
        """Raise UsageError for a class, zone or stream that the run does not have.

        classes: of the model; zones: of the analytics; streams: of the run, None if others may be
        added later
        """
        zones = list(zones)
        sections = {"events": self} | {
            f"events.streams.{name}": own for name, own in self.streams.items()
        }
        for where, section in sections.items():
            _check_names(f"{where}.classes", "class", section.classes, classes, "in this model")
            _check_names(f"{where}.zones", "zone", section.zones, zones, "in analytics.zones")
        if streams is not None:
            streams = list(streams)
            _check_names("events.streams", "stream", list(self.streams), streams, "in this run")


def _check_names(
    where: str, what: str, given: Sequence[str] | None, known: Sequence[str], place: str
) -> None:
    for name in given or ():
        if name not in known:
            raise UsageError(f"{where}: no {what} '{name}' {place}{did_you_mean(name, known)}")
