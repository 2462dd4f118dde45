"""What is wrong with data: all of it is listed, with file and line, then refused or mended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from detector.atomic_write import replacing
from detector.errors import UsageError

Policy = Literal["refuse", "mend"]
SHOWN = 20  # in a message; a file can have all


class Findings:
    """Mistakes in the order in which they were found; one list for all parts of a data set."""

    def __init__(self, policy: Policy = "refuse") -> None:
        self.policy = policy
        self.lines: list[str] = []

    def add(self, line: str) -> None:
        """Note a mistake: where it is, what was given, what is accepted."""
        self.lines.append(line)

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note what the block complains of instead of ending there."""
        try:
            yield
        except UsageError as error:
            self.add(str(error))

    def raise_if_refused(self) -> None:
        """Raise UsageError with what was found, if the policy is to refuse it."""
        if self.lines and self.policy == "refuse":
            shown = "\n  ".join(self.lines[:SHOWN])
            more = f"\n  and {len(self.lines) - SHOWN} more" if len(self.lines) > SHOWN else ""
            if len(self.lines) == 1:
                raise UsageError(shown)
            raise UsageError(
                f"{len(self.lines)} mistakes in the data; correct them, or give "
                f"'data.mistakes: mend' to do without:\n  {shown}{more}"
            )

    def write(self, path: Path) -> None:
        """Write all of them, one per line."""
        with replacing(path) as written:
            written.write_text("".join(f"{line}\n" for line in self.lines), encoding="utf-8")
