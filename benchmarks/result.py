"""What a benchmark has found, as a line of a table."""

from __future__ import annotations

from dataclasses import dataclass

COLUMN = 48


@dataclass(frozen=True, slots=True)
class Result:
    """A line of the table. holds: whether it is as wanted; None: there is nothing to want."""

    what: str
    found: str
    wanted: str = ""
    holds: bool | None = None

    def __str__(self) -> str:
        verdict = {True: "yes", False: "NO", None: ""}[self.holds]
        wanted = f"   wanted: {self.wanted}: {verdict}" if self.wanted else ""
        return f"{self.what:<{COLUMN}} {self.found}{wanted}"
