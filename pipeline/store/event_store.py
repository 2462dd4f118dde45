"""The writing side of the store: each change of an event with its messages, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from pipeline.events.payload import as_text, event_json
from pipeline.events.record import ClipState, EventRecord, Phase
from pipeline.redaction import without_password
from pipeline.store.changes import (
    Change,
    ClipChange,
    EventChange,
)
from pipeline.store.database import failures_of, lock_store, open_to_write
from pipeline.store.event_rows import INSERT, NAMES, UPDATE, event_of, event_row
from pipeline.store.losses import Loss
from pipeline.store.outbox_writer import OutboxBounds, OutboxWriter
from pipeline.store.written_clips import written_clips

RESTART = "restart"  # why an event has ended that was not seen to end
BUSY_SECONDS = 0.5  # shorter than the time in which a run ends; a write is tried again
NO_CLIP = "the run ended before the clip was written"
# A clip only moves forward: a change of its event that was made earlier may come later.
_PROGRESS = (ClipState.NONE, ClipState.PENDING, ClipState.FAILED, ClipState.READY)


class EventStore:
    """Writes the store of one run; used by one thread at a time.

    A folder has one EventStore at a time; commands read and prune beside it. Its start settles what
    a killed run has left: events that went on end at their last known moment, with `ended_by`
    restart, and clips that were not written are failed.

    transports: what is delivered is noted for each of these, within its bounds
    Raises StoreError if the store cannot be used or another run uses it.
    """

    def __init__(self, folder: Path, transports: Mapping[str, OutboxBounds], *, now: float) -> None:
        self._folder = folder
        with ExitStack() as undo:
            self._lock = lock_store(folder)
            undo.callback(self._lock.release)
            self._database = open_to_write(folder, BUSY_SECONDS)
            undo.callback(self._database.close)
            self.path = self._database.path
            self._connection = self._database.connection
            with failures_of(self.path):
                self._outbox = OutboxWriter(self._connection, transports)
                with self._transaction():
                    self._settle(now)
            undo.pop_all()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            with self._database.transaction():
                yield
        except BaseException:
            self._outbox.recount()
            raise

    def write(
        self,
        changes: Sequence[Change],
        delivered: Iterable[int],
        losses: Iterable[Loss],
        now: float,
    ) -> list[EventChange]:
        """Commit all of this or nothing, and return the events as they are stored.

        delivered: ids of outbox rows to delete
        losses: changes that were never stored
        Raises sqlite3.Error, and ValueError, TypeError or OverflowError for values that no column
        takes.
        """
        with self._transaction():
            self._outbox.delete(delivered)
            stored = [each for change in changes if (each := self._apply(change, now))]
            for loss in losses:
                self._outbox.announce(loss, now)
            self._outbox.enforce(now)
        return stored

    def close(self) -> None:
        """Close the database and let another run use it."""
        self._database.close()
        self._lock.release()

    def _apply(self, change: Change, now: float) -> EventChange | None:
        if isinstance(change, EventChange):
            return self._note(change.record, change.phase, now)
        return self._settle_clip(change, now)

    def _note(self, record: EventRecord, phase: Phase, now: float) -> EventChange:
        record = replace(record, cause=_redacted(record.cause))
        before = self._find(record.uuid)
        if before is None:
            stored = replace(record, sequence=self._next_sequence(record.stream))
            self._connection.execute(INSERT, (*event_row(stored), now))
        else:
            stored = _merged(before, record)
            self._update(stored)
        return self._send(stored, phase, now)

    def _settle_clip(self, change: ClipChange, now: float) -> EventChange | None:
        before = self._find(change.uuid)
        if before is None:  # deleted meanwhile
            return None
        stored = replace(
            before, clip_state=change.state, clip=change.clip, clip_reason=_redacted(change.reason)
        )
        self._update(stored)
        return self._send(stored, Phase.UPDATE, now)

    def _settle(self, now: float) -> None:
        """End what a killed run left open."""
        unsettled = self._connection.execute(
            f"SELECT {NAMES} FROM events WHERE id IN (SELECT id FROM events WHERE end_wall IS NULL"
            " UNION SELECT id FROM events WHERE clip_state = 'pending') ORDER BY id"
        )
        events = [event_of(row) for row in unsettled.fetchall()]
        waiting = any(event.clip_state is ClipState.PENDING for event in events)
        clips = written_clips(self._folder) if waiting else {}
        for event in events:
            stored = _with_clip_settled(event, clips)
            if event.end is None:
                end = event.last or event.start
                stored = replace(stored, end=end, ended_by=RESTART)
            self._update(stored)
            self._send(stored, Phase.END if event.end is None else Phase.UPDATE, now)

    def _send(self, stored: EventRecord, phase: Phase, now: float) -> EventChange:
        if self._outbox.has_transports:
            body = as_text(event_json(stored))
            self._outbox.insert(stored.stream, stored.uuid, phase, body, now)
        return EventChange(stored, phase)

    def _find(self, uuid: str) -> EventRecord | None:
        row = self._connection.execute(
            f"SELECT {NAMES} FROM events WHERE uuid = ?", (uuid,)
        ).fetchone()
        return event_of(row) if row else None

    def _update(self, event: EventRecord) -> None:
        self._connection.execute(UPDATE, (*event_row(event), event.uuid))

    def _next_sequence(self, stream: str) -> int:
        self._connection.execute(
            "INSERT INTO streams (name, sequence) VALUES (?, 1)"
            " ON CONFLICT (name) DO UPDATE SET sequence = sequence + 1",
            (stream,),
        )
        number: int = self._connection.execute(
            "SELECT sequence FROM streams WHERE name = ?", (stream,)
        ).fetchone()[0]
        return number


def _merged(before: EventRecord, after: EventRecord) -> EventRecord:
    """Return a changed event, with what others have added to it since it was first stored."""
    ahead = (
        before if _PROGRESS.index(before.clip_state) > _PROGRESS.index(after.clip_state) else after
    )
    return replace(
        after,
        stream=before.stream,
        sequence=before.sequence,
        snapshot=after.snapshot or before.snapshot,
        clip=ahead.clip,
        clip_state=ahead.clip_state,
        clip_reason=ahead.clip_reason,
    )


def _with_clip_settled(event: EventRecord, clips: Mapping[str, str]) -> EventRecord:
    """Return an event whose clip is ready or failed; clips: those that were written."""
    if event.clip_state is not ClipState.PENDING:
        return event
    if event.uuid in clips:
        return replace(event, clip=clips[event.uuid], clip_state=ClipState.READY)
    return replace(event, clip=None, clip_state=ClipState.FAILED, clip_reason=NO_CLIP)


def _redacted(text: str | None) -> str | None:
    """Causes come from libraries, so they are redacted once more before they reach the disk."""
    return None if text is None else without_password(text)
