"""Benchmarks of the trackers: scores, time, material."""
