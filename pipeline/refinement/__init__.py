"""Two passes over a recording: one that detects, and one that writes refined tracks."""
