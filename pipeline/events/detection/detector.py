"""From the tracked frames of one stream to changes of its events."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from pipeline.analysis import Analysis, Event
from pipeline.events.config import EventFilters
from pipeline.events.detection.observation import Observation, observations
from pipeline.events.detection.open_event import Decision, OpenEvent
from pipeline.events.log import Change
from pipeline.events.quiet_hours import is_quiet
from pipeline.events.record import EventKind, Moment, Phase
from pipeline.frames.result import Tracked

MAX_HELD = 16  # crossings of a track that is not noted yet; the oldest are given up
END_OF_STREAM = "end of stream"  # the object was still there
INTERRUPTION = "interruption"  # the connection was lost, or frame size or zones have changed


@dataclass(slots=True)
class Found:
    """What a frame has changed.

    pictured: uuids of events whose best frame is this one; ended: uuids of events that are over,
    noted or not
    """

    changes: list[Change] = field(default_factory=list)
    pictured: set[str] = field(default_factory=set)
    ended: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _TrackEvents:
    """The open events of a track.

    presence: the object itself; None while it is forgotten but may still be in a zone
    visits, dwells: by zone
    held: crossings, until it is known whether the object is noted
    zones: those that the object has been in
    qualified: the object meets the conditions
    """

    presence: OpenEvent | None = None
    visits: dict[str, OpenEvent] = field(default_factory=dict)
    dwells: dict[str, OpenEvent] = field(default_factory=dict)
    held: deque[OpenEvent] = field(default_factory=deque)
    zones: set[str] = field(default_factory=set)
    qualified: bool = False

    @property
    def lasting(self) -> Iterator[OpenEvent]:
        """The events that go on: the object itself first."""
        if self.presence:
            yield self.presence
        yield from self.visits.values()
        yield from self.dwells.values()


class EventDetector:
    """Finds the events of one stream: objects, visits to zones, crossings and long stays.

    All times are those of the frames, in seconds; so the frame rate and dropped frames make no
    difference beyond what was not seen. It holds the tracks of the last `forget_seconds`, and those
    that analytics has inside a zone.

    stream: its name; classes: names by class id
    """

    def __init__(self, stream: str, classes: Sequence[str], filters: EventFilters) -> None:
        self._stream = stream
        self._classes = classes
        self._filters = filters
        self._zones = None if filters.zones is None else set(filters.zones)
        self._tracks: dict[int, _TrackEvents] = {}
        self._noted_at: dict[tuple[EventKind, str | None, str], float] = {}
        self._scene: int | None = None
        self._generation = 0  # of the lines and zones
        self._found = Found()

    def __len__(self) -> int:
        """How many tracks it holds."""
        return len(self._tracks)

    def update(self, item: Tracked, wall: float) -> Found:
        """Return what the next frame changes; wall: when it was captured, seconds since 1970."""
        self._found = Found()
        frame = item.frame
        if frame.scene != self._scene:
            self._end_all(INTERRUPTION)
            self._scene = frame.scene
        moment = Moment(frame.pts, float(frame.time), wall)
        self._check_zones(item.analysis)
        happened = item.analysis.events if item.analysis else ()
        for event in happened:
            if event.now is None:  # its track is gone, although the same id may be back already
                self._leave(event)
        self._forget(moment.seconds)
        seen = {each.track: each for each in observations(item, self._classes, moment)}
        for each in seen.values():
            self._observe(each, str(frame.time_base))
        for event in happened:
            if event.now is not None and event.point.track in seen:
                self._happened(event, seen[event.point.track], str(frame.time_base))
        for track in seen:
            self._tell(self._tracks[track])
        return self._found

    def interrupt(self) -> Found:
        """End all events with their latest observation, because no frames come any more."""
        return self.finish(INTERRUPTION)

    def finish(self, ended_by: str = END_OF_STREAM) -> Found:
        """End all events with their latest observation."""
        self._found = Found()
        self._end_all(ended_by)
        return self._found

    def _check_zones(self, analysis: Analysis | None) -> None:
        """End all visits when lines and zones are replaced: nobody will tell that they are over."""
        generation = analysis.generation if analysis else 0
        if generation == self._generation:
            return
        self._generation = generation
        for track, events in list(self._tracks.items()):
            for event in [*events.visits.values(), *events.dwells.values()]:
                self._end(event, INTERRUPTION)
            events.visits.clear()
            events.dwells.clear()
            self._drop_if_empty(track, events)

    def _observe(self, seen: Observation, time_base: str) -> None:
        events = self._tracks.setdefault(seen.track, _TrackEvents())
        if events.presence is None:
            events.presence = OpenEvent.begun(EventKind.OBJECT, seen, time_base)
            self._refuse_unwanted(events.presence)
            events.zones = set(events.visits)
        for event in events.lasting:
            self._add(event, seen)

    def _add(self, event: OpenEvent, seen: Observation) -> None:
        better = event.observe(seen, self._filters.min_score)
        if better and event.decision is not Decision.REFUSED and self._wants(seen.class_name):
            self._found.pictured.add(event.uuid)

    def _happened(self, event: Event, seen: Observation, time_base: str) -> None:
        """Take in what analytics has found in this frame."""
        events = self._tracks[seen.track]
        begun: OpenEvent | None = None
        if event.kind == "leave":
            self._leave(event)
        elif event.kind == "enter":
            begun = OpenEvent.begun(EventKind.ZONE, seen, time_base, event.shape)
            events.visits[event.shape] = begun
            events.zones.add(event.shape)
        elif event.kind == "dwell" and event.shape in events.visits:
            visit = events.visits[event.shape]
            begun = OpenEvent.begun(EventKind.DWELL, seen, time_base, event.shape)
            begun.start, begun.votes = visit.start, visit.votes.copy()
            events.dwells[event.shape] = begun
        elif event.kind == "cross":
            begun = OpenEvent.begun(
                EventKind.LINE, seen, time_base, event.shape, direction=event.counted_as
            )
            self._hold(events, begun)
        if begun:
            self._refuse_unwanted(begun)
            self._add(begun, seen)

    def _hold(self, events: _TrackEvents, crossing: OpenEvent) -> None:
        events.held.append(crossing)
        assert events.presence
        crossing.votes.update(events.presence.votes)
        if len(events.held) > MAX_HELD:
            self._found.ended.append(events.held.popleft().uuid)

    def _leave(self, event: Event) -> None:
        """End the visit of a track to a zone."""
        events = self._tracks.get(event.point.track)
        if events is None:
            return
        for table in (events.visits, events.dwells):
            if ended := table.pop(event.shape, None):
                self._end(ended)
        self._drop_if_empty(event.point.track, events)

    def _forget(self, now: float) -> None:
        """End the objects that have been unseen for too long."""
        for track, events in list(self._tracks.items()):
            presence = events.presence
            if presence and now - presence.last.seconds > self._filters.forget_seconds:
                self._end(presence)
                self._give_up_held(events)
                events.presence, events.qualified = None, False
                self._drop_if_empty(track, events)

    def _drop_if_empty(self, track: int, events: _TrackEvents) -> None:
        if events.presence is None and not events.visits:
            del self._tracks[track]

    def _tell(self, events: _TrackEvents) -> None:
        """Note the events of a track that can be noted by now, and update those that were."""
        events.qualified = events.qualified or self._qualifies(events)
        if not events.qualified:
            return
        for event in [*events.lasting, *events.held]:
            if event.decision is Decision.OPEN:
                self._decide(event)
            elif event.decision is Decision.NOTED and event.is_due:
                self._change(event, Phase.UPDATE)
        events.held.clear()

    def _qualifies(self, events: _TrackEvents) -> bool:
        presence = events.presence
        return (
            presence is not None
            and presence.score >= self._filters.min_score
            and presence.seconds >= self._filters.min_seconds
            and self._wants(presence.class_name())
            and (self._zones is None or not self._zones.isdisjoint(events.zones))
        )

    def _wants(self, class_name: str) -> bool:
        return self._filters.classes is None or class_name in self._filters.classes

    def _refuse_unwanted(self, event: OpenEvent) -> None:
        """Refuse what no later observation can make wanted."""
        in_zone = event.kind in {EventKind.ZONE, EventKind.DWELL}
        if event.kind not in self._filters.kinds or (
            in_zone and self._zones is not None and event.place not in self._zones
        ):
            event.decision = Decision.REFUSED

    def _decide(self, event: OpenEvent) -> None:
        """Note or refuse an event of an object that meets the conditions."""
        self._refuse_unwanted(event)
        key = event.kind, event.place, event.class_name(self._filters.classes)
        before = self._noted_at.get(key)
        cooling = before is not None and (
            event.start.seconds - before < self._filters.cool_down_seconds
        )
        if cooling or is_quiet(self._filters.quiet_hours, event.start.wall):
            event.decision = Decision.REFUSED
        if event.decision is not Decision.REFUSED:
            event.decision = Decision.NOTED
            self._noted_at[key] = event.start.seconds
            if event.kind is not EventKind.LINE:
                self._change(event, Phase.START)
        if event.kind is EventKind.LINE:
            self._end(event)

    def _end(self, event: OpenEvent, ended_by: str | None = None) -> None:
        if event.decision is Decision.NOTED:
            self._change(event, Phase.END, ended_by)
        self._found.ended.append(event.uuid)

    def _change(self, event: OpenEvent, phase: Phase, ended_by: str | None = None) -> None:
        classes = self._filters.classes
        record = (
            event.tell_end(self._stream, classes, ended_by)
            if phase is Phase.END
            else event.tell(self._stream, classes)
        )
        self._found.changes.append(Change(record, phase))

    def _end_all(self, ended_by: str) -> None:
        for events in self._tracks.values():
            for event in events.lasting:
                self._end(event, ended_by)
            self._give_up_held(events)
        self._tracks.clear()

    def _give_up_held(self, events: _TrackEvents) -> None:
        self._found.ended += _uuids(events.held)
        events.held.clear()


def _uuids(events: Iterable[OpenEvent]) -> list[str]:
    return [event.uuid for event in events]
