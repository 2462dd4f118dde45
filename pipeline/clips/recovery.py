"""What a killed run has left of its clips: complete parts get their names, others are deleted."""

from __future__ import annotations

import logging
from pathlib import Path

from pipeline.clips.clip_file import PART, name_complete
from pipeline.events.record import ClipState
from pipeline.events.sidecar import read_sidecar, sidecar_path
from pipeline.store.event_log import EventLog

log = logging.getLogger("framelane")


def recover(folder: Path, event_log: EventLog) -> None:
    """Settle the parts of clips in the folder of the events, which no other run may use."""
    for part in sorted((folder / "clips").glob(f"**/*{PART}")):
        try:
            _settle(part, event_log)
        except OSError as error:
            log.warning("'%s' is incomplete and cannot be deleted: %s", part, error.strerror)


def _settle(part: Path, event_log: EventLog) -> None:
    clip = part.with_name(part.name.removesuffix(PART))
    try:
        sidecar = read_sidecar(sidecar_path(clip))  # which is written when the part is complete
    except (OSError, ValueError):
        sidecar = None
    if sidecar is None or clip.suffix == ".json":
        part.unlink()
        return
    name_complete(clip)
    for event in sidecar.events:
        event_log.clip_settled(event.uuid, ClipState.READY, sidecar.clip.path)
