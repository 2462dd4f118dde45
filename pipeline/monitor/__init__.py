"""What watches a run from beside it: control endpoint, signals, display, watchdog."""
