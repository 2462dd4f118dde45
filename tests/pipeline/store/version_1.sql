-- A store as version 1 left it. Never changed: it stands for databases of users.
PRAGMA journal_mode = WAL;
BEGIN;
CREATE TABLE streams (name TEXT PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE events (
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
);
CREATE INDEX events_by_start ON events (start_wall, score);
CREATE INDEX events_by_stream ON events (stream, start_wall, class, score, kind);
CREATE INDEX events_by_class ON events (class, start_wall, stream, score, kind);
CREATE INDEX events_by_kind ON events (kind, start_wall, class, score, stream);
CREATE INDEX events_by_place ON events (place, start_wall, class, score, stream) WHERE place IS NOT NULL;
CREATE INDEX events_that_go_on ON events (start_wall) WHERE end_wall IS NULL;
CREATE INDEX events_by_clip ON events (clip) WHERE clip IS NOT NULL;
CREATE INDEX clips_to_make ON events (id) WHERE clip_state = 'pending';
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    transport TEXT NOT NULL,
    position INTEGER NOT NULL,
    stream TEXT NOT NULL,
    uuid TEXT NOT NULL,
    phase TEXT NOT NULL,
    body TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    created_at REAL NOT NULL
);
CREATE INDEX outbox_by_transport ON outbox (transport, position);
CREATE INDEX outbox_gaps ON outbox (transport, stream) WHERE phase = 'gap';
CREATE TABLE transports (name TEXT PRIMARY KEY, dropped INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO streams VALUES ('door', 41);
INSERT INTO events VALUES (
    1, '0b5a0f6e-31f5-4d0c-8d7a-000000000041', 'door', 41, 'zone', 'person', 3, 0.875,
    10.0, 20.0, 30.0, 40.0, 'yard', NULL, NULL, '1/90000',
    90000, 1.0, 1780000001.0, NULL, NULL, NULL, 270000, 3.0, 1780000003.0,
    'snapshots/41.jpg', 'clips/41.mp4', 'ready', NULL
);
PRAGMA user_version = 1;
COMMIT;
