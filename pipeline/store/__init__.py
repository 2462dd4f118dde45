"""The store of events: SQLite, one writer thread, readers beside it.

For a run, each with plain arguments:

- `EventLog(folder, {transport name: OutboxBounds(...)})` stores what is put; one for each folder.
- `Outbox(folder, log)` is what deliverers read. `log.on_committed` tells when there is more.
- `Pruning(folder, keep_seconds, keep_bytes)` deletes old events.

End them in the reverse order with `close`, the log after all that put into it. For commands and
pages: `EventReader(folder)`, `prune` and `rebuild`.
"""
