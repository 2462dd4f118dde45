"""The commands of the trackers."""
