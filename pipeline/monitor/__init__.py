"""Watching and steering a run: terminal display, control endpoint, signals, watchdog, memory."""
