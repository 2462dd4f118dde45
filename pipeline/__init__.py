"""Threads, order and time: the way of a frame from its source to its sinks."""
