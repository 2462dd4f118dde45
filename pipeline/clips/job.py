"""The making of one clip: packets are read, written up to its end, and the clip is published."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock

from pipeline.clips.clip_file import OTHER_FORMAT, ClipFile
from pipeline.clips.footage import ClipError, Passage
from pipeline.clips.observations import MAX_BOXES, Observation, boxes_of
from pipeline.clips.plan import ClipPlan
from pipeline.events.record import ClipState, EventRecord
from pipeline.events.sidecar import ClipFacts, Sidecar
from pipeline.packets.ring import Kept

AT_ONCE = 500  # packets, so that clips of several streams are written side by side
NOTHING = "no packets of that time came from the source"


class ClipJob:
    """One clip between its first event and its end.

    The plan and the observations are changed under the maker's lock; the rest belongs to the
    maker's thread.

    folder: of the events; lock: the maker's
    open_passage: opens the packets, and may raise ClipError
    grows: packets arrive in real time; else the clip is cut when its plan is settled
    due_at: when its first event's start was, or will be, on the maker's clock

    ended: the stream has ended
    behind: more packets can be had at once
    """

    def __init__(
        self,
        plan: ClipPlan,
        folder: Path,
        lock: Lock,
        open_passage: Callable[[], Passage],
        *,
        grows: bool,
        due_at: float,
    ) -> None:
        self.plan = plan
        self.grows = grows
        self.ended = False
        self.behind = False
        self.observations: list[Observation] = []
        self._begun_at = due_at - plan.first.start.seconds
        self._open_passage = open_passage
        self._passage: Passage | None = None
        self._lock = lock
        self._file = ClipFile(folder / plan.path)
        self._waiting: deque[Kept] = deque()  # read, and not written yet
        self._stopped: str | None = None  # why it ended before its end

    @property
    def expected_at(self) -> float:
        """When the clip's end is captured, on the maker's clock."""
        return self._begun_at + self.plan.end

    def open(self) -> None:
        """Have the source keep its packets. May be repeated; raises ClipError."""
        self._passage = self._passage or self._open_passage()

    def observe(self, observations: Sequence[Observation]) -> None:
        """Add observations for the sidecar, within its limit."""
        self.observations += observations[: MAX_BOXES - len(self.observations)]

    def copy(self, final: str | None) -> bool:
        """Write some of what can be had; return whether the clip has all that it will have.

        final: why nothing more will come than what is there now; None: it may
        Raises ClipError.
        """
        self.open()
        assert self._passage
        found, more = self._passage.read(AT_ONCE)
        self.behind = len(found) == AT_ONCE
        self._waiting.extend(found)
        if self._write_waiting():
            return True
        if self.behind:
            return False
        why = final if more else "the stream ends there"
        return why is not None and self._settle(why)

    def _write_waiting(self) -> bool:
        """Write what was read; return whether the clip has ended before all of it."""
        end = self.plan.end
        while self._waiting:
            kept = self._waiting[0]
            if self._file.ends_before(kept, end):
                if self._settle(None):
                    return True
                end = self.plan.end  # another event has extended the clip
            elif not self._file.continues(kept):
                return self._settle(OTHER_FORMAT)
            else:
                self._file.write(kept)
                self._waiting.popleft()
        return False

    def _settle(self, why: str | None) -> bool:
        """Take no more events; return False if one has just extended the clip."""
        with self._lock:
            if why is None and not self._file.ends_before(self._waiting[0], self.plan.end):
                return False
            self.plan.settled = True
        self._stopped = why
        return True

    def publish(self, sequences: Mapping[str, int]) -> Sidecar:
        """Complete the clip, and return its sidecar. Raises ClipError.

        sequences: numbers of the events in the store, by UUID
        """
        start, end = self._file.start, self._file.end
        if start is None or end is None:
            raise ClipError(NOTHING)
        self.release()
        size = self._file.close()
        with self._lock:
            plan = self.plan
            facts = ClipFacts(
                stream=plan.stream,
                path=plan.path,
                requested_start=plan.moment(plan.start),
                requested_end=plan.moment(plan.end),
                start=plan.moment(start),
                end=plan.moment(end),
                time_base=plan.time_base,
                bytes=size,
                missing=self._missing(start),
            )
            events = tuple(
                _with_clip(event, plan.path, sequences.get(event.uuid, event.sequence))
                for event in plan.events.values()
            )
            tracks = boxes_of(self.observations, start, end)
        sidecar = Sidecar(facts, events, tracks)
        self._file.publish(sidecar)
        return sidecar

    def discard(self) -> None:
        """Delete what was written."""
        self.release()
        self._file.discard()

    def release(self) -> None:
        """Let the source drop what is not needed any more."""
        if self._passage:
            self._passage.close()

    def _missing(self, start: float) -> str | None:
        """Return why the clip does not hold all that was requested."""
        assert self._passage
        found = []
        if start > self.plan.start:
            found.append(f"its beginning: {self._passage.cut or 'no packets before it'}")
        if self._passage.lost:
            found.append(f"{self._passage.lost} packets within it: the disk was too slow")
        if self._file.away:
            found.append(f"{self._file.away:.1f} s within it: the connection was lost")
        if self._stopped:
            found.append(f"its end: {self._stopped}")
        if self.plan.is_cut:
            found.append("the rest: it is as long as a clip may be")
        return "; ".join(found) or None


def _with_clip(event: EventRecord, path: str, sequence: int) -> EventRecord:
    return replace(
        event, sequence=sequence, clip=path, clip_state=ClipState.READY, clip_reason=None
    )
