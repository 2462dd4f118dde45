"""What is wrong in labels, and what is not taken along: noted line by line, with its place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from detector.errors import UsageError


class Findings:
    """Lines for the user, in order: the place, what was given, what is accepted.

    lines: mistakes; what they are about was mended or left out
    notes: what the file says and this format or our data model cannot say
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.notes: list[str] = []

    def add(self, line: str) -> None:
        """Note a mistake."""
        self.lines.append(line)

    def note(self, line: str) -> None:
        """Note something that is not taken along, once."""
        if line not in self.notes:
            self.notes.append(line)

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note a UsageError of the block as a mistake instead of raising it."""
        try:
            yield
        except UsageError as error:
            self.add(str(error))
