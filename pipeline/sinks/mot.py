"""Tracks as MOTChallenge text."""

from __future__ import annotations

from typing import ClassVar

from pipeline.frames.result import Tracked
from pipeline.sinks.text import TextFile
from trackers.motchallenge.text import mot_lines


class MotText(TextFile):
    """Writes a line per confirmed track; frames are numbered in the source, before any drop."""

    accepted: ClassVar[tuple[str, ...]] = (".txt",)

    def text(self, item: Tracked) -> str:
        """Return the frame's lines (see `trackers.motchallenge.text`)."""
        return mot_lines(item.frame.index, item.tracks, item.origins)
