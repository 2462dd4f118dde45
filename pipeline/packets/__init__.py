"""Encoded packets as their camera sent them: one tap for each stream, and what reads from it."""
