"""A model and the data that scores it must have the same classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from detector.errors import UsageError


def refuse_other_classes(
    model: Path, known: Sequence[str], data: Path, labelled: Sequence[str]
) -> None:
    """Raise UsageError unless a model knows the classes that the data labels, in their order."""
    if tuple(known) != tuple(labelled):
        raise UsageError(
            f"{model} knows {', '.join(known)}, but {data} labels {', '.join(labelled)}: they "
            "must be the same"
        )
