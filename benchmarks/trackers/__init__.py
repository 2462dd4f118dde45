"""Benchmarks of the trackers: scores, missing frames, speed."""
