"""The machinery that runs stages: channels, threads, credit, the ledger, statistics."""
