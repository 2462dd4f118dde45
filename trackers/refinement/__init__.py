"""Tracks of a finished recording, made better by what comes later in it."""
