"""The store of events: SQLite, one writer thread, readers beside it."""
