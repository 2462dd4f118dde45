"""Errors in data sets, collected with file and line, then refused or mended."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from detector.atomic_write import replacing
from detector.errors import UsageError
from detector.labels.findings import Findings as LabelFindings

Policy = Literal["refuse", "mend"]
MENDED = "to mend them or leave them out"
SHOWN = 20  # errors in a message; `Findings.write` writes all


class Findings(LabelFindings):
    """The errors found in all parts of a data set, in order."""

    def __init__(self, policy: Policy = "refuse") -> None:
        super().__init__()
        self.policy = policy

    def raise_if_refused(self) -> None:
        """Raise UsageError with all errors, if the policy is to refuse them."""
        if self.lines and self.policy == "refuse":
            shown = "\n  ".join(self.lines[:SHOWN])
            more = f"\n  and {len(self.lines) - SHOWN} more" if len(self.lines) > SHOWN else ""
            if len(self.lines) == 1:
                raise UsageError(f"{shown}; or give 'data.mistakes: mend' {MENDED}")
            raise UsageError(
                f"{len(self.lines)} mistakes in the data; correct them, or give "
                f"'data.mistakes: mend' {MENDED}:\n  {shown}{more}"
            )

    def write(self, path: Path) -> None:
        """Write all errors, one per line."""
        with replacing(path) as written:
            written.write_text("".join(f"{line}\n" for line in self.lines), encoding="utf-8")
