"""Clips that a killed run had written, although the store did not hear of them any more."""

from __future__ import annotations

from heapq import nlargest
from pathlib import Path

from pipeline.events.sidecar import read_sidecar

MAX_LOOKED_AT = 200  # the newest sidecars: a run writes few clips between two commits


def written_clips(folder: Path) -> dict[str, str]:
    """Return uuid -> path of the clip, for the events in the newest sidecars of a folder."""
    found: dict[str, str] = {}
    for path in nlargest(MAX_LOOKED_AT, (folder / "clips").glob("**/*.json"), key=_modified_at):
        try:
            sidecar = read_sidecar(path)
        except (OSError, ValueError):
            continue  # `framelane events rebuild` names it
        if (folder / sidecar.clip.path).is_file():
            found |= {event.uuid: sidecar.clip.path for event in sidecar.events}
    return found


def _modified_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
