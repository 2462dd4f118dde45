"""Threads, order and time: the path of a frame from its source to its sinks."""
