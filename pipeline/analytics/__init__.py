"""Counting at lines and in zones: from tracks to events and counts."""
