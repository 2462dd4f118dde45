"""Watching a run: terminal display, signals, watchdog, memory."""
