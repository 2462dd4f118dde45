"""One result of a benchmark, as a line of a table."""

from __future__ import annotations

from dataclasses import dataclass

COLUMN = 48


@dataclass(frozen=True, slots=True)
class Result:
    """A line of the table. holds: whether the result is as wanted; None: it is for information."""

    what: str
    found: str
    wanted: str = ""
    holds: bool | None = None

    def __str__(self) -> str:
        verdict = {True: "yes", False: "NO", None: ""}[self.holds]
        wanted = f"   wanted: {self.wanted}: {verdict}" if self.wanted else ""
        return f"{self.what:<{COLUMN}} {self.found}{wanted}"
