"""Errors that are shown to the user: one small tree, each with its exit code."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class FramelaneError(Exception):
    """A failure with a message for the user: what was given, what is accepted, what to do.

    exit_code: of a command that this error ends
    """

    exit_code = 1


class UsageError(FramelaneError):
    """A wrong option or config, or a path that does not exist."""

    exit_code = 2


class ModelError(UsageError):
    """A model, manifest or engine that cannot be used as asked."""


class DownloadError(FramelaneError):
    """A file that the network did not bring, or not as it was before."""


def did_you_mean(given: str, accepted: Iterable[str]) -> str:
    """Return the end of a message about an unknown word: the nearest known one, and all."""
    known = sorted(accepted)
    nearest = get_close_matches(given, known, n=1)
    hint = f"; did you mean '{nearest[0]}'?" if nearest else ";"
    return f"{hint} accepted: {', '.join(known)}"
