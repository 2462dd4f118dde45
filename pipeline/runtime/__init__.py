"""What runs the stages: channels, threads, credit, the ledger, statistics."""
