"""Data sets: reading, checking, caching and batching."""
