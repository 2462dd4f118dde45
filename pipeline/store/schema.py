"""The tables of the store, as the steps that made them.

`user_version` of the database counts the steps that it has seen. A step that was released is never
changed; a new one is added.
"""

from __future__ import annotations

from sqlite3 import Connection

from detector.errors import FramelaneError

STEPS: tuple[tuple[str, ...], ...] = (
    (
        # The last sequence number of each stream, which outlives its events
        "CREATE TABLE streams (name TEXT PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID",
        """CREATE TABLE events (
            id INTEGER PRIMARY KEY,
            uuid TEXT NOT NULL UNIQUE,
            stream TEXT NOT NULL,
            sequence INTEGER NOT NULL,
            kind TEXT NOT NULL,
            class TEXT,
            track INTEGER,
            score REAL,
            x0 REAL,
            y0 REAL,
            x1 REAL,
            y1 REAL,
            place TEXT,
            direction TEXT,
            cause TEXT,
            time_base TEXT NOT NULL,
            start_pts INTEGER,
            start_seconds REAL NOT NULL,
            start_wall REAL NOT NULL,
            last_pts INTEGER,
            last_seconds REAL,
            last_wall REAL,
            end_pts INTEGER,
            end_seconds REAL,
            end_wall REAL,
            snapshot TEXT,
            clip TEXT,
            clip_state TEXT NOT NULL,
            clip_reason TEXT,
            UNIQUE (stream, sequence)
        )""",
        # Each of these holds what else is filtered by, so that rows that do not match are not read
        "CREATE INDEX events_by_start ON events (start_wall, score)",
        "CREATE INDEX events_by_stream ON events (stream, start_wall, class, score, kind)",
        "CREATE INDEX events_by_class ON events (class, start_wall, stream, score, kind)",
        "CREATE INDEX events_by_kind ON events (kind, start_wall, class, score, stream)",
        "CREATE INDEX events_by_place ON events (place, start_wall, class, score, stream)"
        " WHERE place IS NOT NULL",
        "CREATE INDEX events_that_go_on ON events (start_wall) WHERE end_wall IS NULL",
        "CREATE INDEX events_by_clip ON events (clip) WHERE clip IS NOT NULL",
        "CREATE INDEX clips_to_make ON events (id) WHERE clip_state = 'pending'",
        # AUTOINCREMENT: an id is never given twice, so that no late acknowledgement deletes
        # another row. position: the order of delivery; a gap takes that of the last dropped row
        """CREATE TABLE outbox (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            transport TEXT NOT NULL,
            position INTEGER NOT NULL,
            stream TEXT NOT NULL,
            uuid TEXT NOT NULL,
            phase TEXT NOT NULL,
            body TEXT NOT NULL,
            bytes INTEGER NOT NULL,
            created_at REAL NOT NULL
        )""",
        "CREATE INDEX outbox_by_transport ON outbox (transport, position)",
        "CREATE INDEX outbox_gaps ON outbox (transport, stream) WHERE phase = 'gap'",
        "CREATE TABLE transports (name TEXT PRIMARY KEY, dropped INTEGER NOT NULL) WITHOUT ROWID",
    ),
    ("ALTER TABLE events ADD COLUMN ended_by TEXT",),
    (
        # When the store heard of an event first: of a recording, long after it happened
        "ALTER TABLE events ADD COLUMN noted_wall REAL NOT NULL DEFAULT 0",
        "UPDATE events SET noted_wall = start_wall",
        "CREATE INDEX events_by_noted ON events (noted_wall, start_wall)",
    ),
)
VERSION = len(STEPS)


class NewerStore(FramelaneError):
    """The store was written by a newer version of this program."""


def version_of(connection: Connection) -> int:
    """Return how many steps a database has seen; 0: it is no store. Raises NewerStore."""
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if found > VERSION:
        raise NewerStore(
            f"the store has version {found}, and this program knows versions up to {VERSION}: "
            "use the newer Framelane that wrote it, or another folder"
        )
    return found


def upgrade(connection: Connection) -> None:
    """Bring a database to the newest version, all steps at once or none; raises NewerStore."""
    if version_of(connection) == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in STEPS[version_of(connection) :]:  # another process may have been faster
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
