"""Which events a clip shows, and so when it begins and ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from pipeline.events.record import EventRecord, Moment


@dataclass(frozen=True, slots=True)
class Margins:
    """Seconds that a clip shows before and after its events, and at most."""

    pre: float
    post: float
    max: float


class ClipPlan:
    """A clip to be made of one event, and of those that overlap it. Times: stream seconds.

    Events are added under the maker's lock; any thread may read.

    path: of the clip, relative to the events' folder
    settled: no more events are added
    events: by UUID; the dictionary is replaced, never changed
    """

    def __init__(self, path: str, first: EventRecord, margins: Margins) -> None:
        self.path = path
        self.stream = first.stream
        self.time_base = first.time_base
        self.settled = False
        self.events: Mapping[str, EventRecord] = {first.uuid: first}
        self.first = first
        self._margins = margins
        self._limit = first.start.seconds - margins.pre + margins.max

    def accepts(self, event: EventRecord) -> bool:
        """Return whether an event overlaps the clip, with its margins, and has room in it."""
        begin = event.start.seconds - self._margins.pre
        room = event.start.seconds + self._margins.post <= self._limit
        return not self.settled and begin <= self.end and room

    def note(self, event: EventRecord) -> None:
        """Add an event, or note how it has changed."""
        self.events = {**self.events, event.uuid: event}

    @property
    def start(self) -> float:
        """When the clip should begin."""
        return min(each.start.seconds for each in self.events.values()) - self._margins.pre

    @property
    def end(self) -> float:
        """When the clip ends; while one of its events goes on, that is the latest moment."""
        ends = [each.end.seconds if each.end else self._limit for each in self.events.values()]
        return min(max(ends) + self._margins.post, self._limit)

    @property
    def is_cut(self) -> bool:
        """Whether the clip is as long as it may be, and its events are longer."""
        return any(
            each.end is None or each.end.seconds + self._margins.post > self._limit
            for each in self.events.values()
        )

    def moment(self, seconds: float) -> Moment:
        """Return a moment of the stream on all clocks, by the first event's."""
        anchor = self.first.start
        after = seconds - anchor.seconds
        ticks = Fraction(seconds if anchor.pts is None else after) / Fraction(self.time_base)
        return Moment((anchor.pts or 0) + round(ticks), seconds, anchor.wall + after)
