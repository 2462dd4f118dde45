"""Other distributions that install a top-level package under one of our names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions

OURS = "framelane"
PACKAGES = ("detector", "pipeline", "trackers", "trainer")


def name_conflicts(installed: Iterable[Distribution] | None = None) -> dict[str, str]:
    """Return package name -> the other distribution that installs it, with its version.

    installed: the distributions to look at; None: those of this environment
    """
    conflicts = {}
    for distribution in distributions() if installed is None else installed:
        name = distribution.metadata["Name"]
        if name != OURS:
            for package in {*PACKAGES} & {*_top_level(distribution)}:
                conflicts[package] = f"{name} {distribution.version}"
    return dict(sorted(conflicts.items()))


def _top_level(distribution: Distribution) -> Iterator[str]:
    """Yield the names of a distribution's top-level packages."""
    declared = distribution.read_text("top_level.txt")
    if declared is not None:
        yield from declared.split()
    else:  # not every build tool writes that file
        yield from {file.parts[0] for file in distribution.files or () if len(file.parts) > 1}
