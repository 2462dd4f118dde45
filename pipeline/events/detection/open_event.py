"""An event that is not over: what was observed of it so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from enum import Enum

from pipeline.events.detection.observation import Box, Observation
from pipeline.events.record import EventKind, EventRecord, Moment, new_uuid

BETTER = 1.1  # times the worth of the best frame: so much better must another one be
BETTER_SECONDS = 5.0  # between two updates for a better frame
LONGER = 0.5  # an event that lasts on is updated when it is longer by this share,
LONGER_SECONDS = (10.0, 60.0)  # by so much at least, and at most


class Decision(Enum):
    """Whether an event is noted."""

    OPEN = "open"  # its object has not met the conditions yet
    NOTED = "noted"
    REFUSED = "refused"


@dataclass(slots=True)
class OpenEvent:
    """An event of one track.

    votes: the sum of scores of each class
    worth: of the best frame; 0 if there is none yet
    box: in the best frame
    told: the latest observation, and the worth, that the last change has told of
    """

    kind: EventKind
    track: int
    start: Moment
    last: Moment
    score: float
    box: Box
    time_base: str
    place: str | None = None
    direction: str | None = None
    votes: Counter[str] = field(default_factory=Counter)
    worth: float = 0.0
    decision: Decision = Decision.OPEN
    uuid: str = field(default_factory=new_uuid)
    told: tuple[Moment, float] | None = None

    @classmethod
    def begun(
        cls,
        kind: EventKind,
        first: Observation,
        time_base: str,
        place: str | None = None,
        direction: str | None = None,
    ) -> OpenEvent:
        """Return the event that begins with an observation, which is not counted yet."""
        moment = first.moment
        return cls(
            kind, first.track, moment, moment, first.score, first.box, time_base, place, direction
        )

    @property
    def seconds(self) -> float:
        """From the start to the latest observation."""
        return self.last.seconds - self.start.seconds

    def observe(self, seen: Observation, min_score: float) -> bool:
        """Add an observation, and return whether its frame is the best so far.

        min_score: a frame with a lower one is never the best
        """
        self.last = seen.moment
        self.score = max(self.score, seen.score)
        self.votes[seen.class_name] += seen.score  # type: ignore[assignment]
        if seen.score < min_score or not seen.worth > self.worth * BETTER:
            return False
        self.worth, self.box = seen.worth, seen.box
        return True

    def class_name(self, among: Collection[str] | None = None) -> str:
        """Return the class with the most votes; among: only these, if one of them has votes."""
        votes = {name: sum_ for name, sum_ in self.votes.items() if among and name in among}
        votes = votes or dict(self.votes)
        return max(votes, key=lambda name: votes[name])

    @property
    def is_due(self) -> bool:
        """Whether there is enough news for an update."""
        assert self.told
        last, worth = self.told
        news = self.last.seconds - last.seconds
        if self.worth > worth and news >= BETTER_SECONDS:
            return True
        least, most = LONGER_SECONDS
        return news >= min(max(LONGER * self.seconds, least), most)

    def tell(self, stream: str, classes: Collection[str] | None) -> EventRecord:
        """Return the event as it is known now, without an end."""
        self.told = self.last, self.worth
        return EventRecord(
            stream,
            self.kind,
            self.start,
            self.time_base,
            last=_not_before(self.start, self.last),
            uuid=self.uuid,
            class_name=self.class_name(classes),
            track=self.track,
            score=self.score,
            box=self.box,
            place=self.place,
            direction=self.direction,
        )

    def tell_end(
        self, stream: str, classes: Collection[str] | None, ended_by: str | None
    ) -> EventRecord:
        """Return the event with its end at the latest observation."""
        record = self.tell(stream, classes)
        return replace(record, end=record.last, ended_by=ended_by)


def _not_before(start: Moment, moment: Moment) -> Moment:
    """Return a moment whose wall clock is not before the start's: a clock may be set back."""
    return replace(moment, wall=max(moment.wall, start.wall))
