"""From the states of a camera's connection to its events: lost, and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pipeline.connections.status import State, StateChange
from pipeline.events.detection.detector import END_OF_STREAM
from pipeline.events.log import Change
from pipeline.events.record import EventKind, EventRecord, Moment, Phase, new_uuid
from pipeline.redaction import without_password

UPDATE_SECONDS = 60.0  # between two updates while the camera is lost

LOST = {State.BACKOFF, State.FAILED}


class CameraWatch:
    """Finds the events of one camera, which do not depend on frames.

    A loss begins with the last frame, or with the first failure if there never was one, and ends
    with the first frame of another connection.

    stream: its name; moment: from seconds on the clock of the status to the moment
    """

    def __init__(self, stream: str, moment: Callable[[float], Moment]) -> None:
        self._stream = stream
        self._moment = moment
        self._lost: EventRecord | None = None
        self._told_at = 0.0

    def changed(self, change: StateChange) -> list[Change]:
        """Return what a change of the connection means."""
        if change.state in LOST:
            return self._failed(change)
        if change.state is State.LIVE:
            return self._over(change.at, None)
        return []

    def finish(self, at: float) -> list[Change]:
        """End the event of a camera that is still lost."""
        return self._over(at, END_OF_STREAM)

    def _failed(self, change: StateChange) -> list[Change]:
        moment = self._moment(change.at)
        if self._lost is None:
            self._lost = EventRecord(
                self._stream,
                EventKind.CAMERA,
                moment,
                last=moment,
                uuid=new_uuid(),
                cause=without_password(str(change.trouble)),
            )
            self._told_at = change.at
            return [Change(self._lost, Phase.START)]
        self._lost = replace(self._lost, last=_not_before(self._lost.start, moment))
        if change.at - self._told_at < UPDATE_SECONDS:
            return []
        self._told_at = change.at
        return [Change(self._lost, Phase.UPDATE)]

    def _over(self, at: float, ended_by: str | None) -> list[Change]:
        if self._lost is None:
            return []
        end = _not_before(self._lost.start, self._moment(at))
        record = replace(self._lost, last=end, end=end, ended_by=ended_by)
        self._lost = None
        return [Change(record, Phase.END)]


def _not_before(start: Moment, moment: Moment) -> Moment:
    """Return a moment that is not before the start: a clock may be set back."""
    return replace(
        moment,
        seconds=max(moment.seconds, start.seconds),
        wall=max(moment.wall, start.wall),
    )
