"""The JSON lines of a run, read as labels: also what is left of a run that was killed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from detector.errors import UsageError
from detector.labels.coco.fields import as_number, as_numbers, read_json, shown
from detector.labels.draft import (
    ClipDraft,
    TrackNames,
    built_set,
    checked_box,
    checked_class,
    checked_frame,
)
from detector.labels.findings import Findings
from detector.labels.labelled import LabelledBox, LabelledSet, Mark, Size, safe_name


def read_json_lines(
    data: bytes, where: str, name: str, size: Size | None, findings: Findings
) -> LabelledSet:
    """Return the tracks in the JSON lines that `framelane run` writes; each stream is a clip.

    Frames that rest have predicted boxes, which are marked as interpolated. Wrong lines and boxes
    are noted and left out.
    """
    classes: list[str] = []
    drafts: dict[str, ClipDraft] = {}
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        place = f"{where}:{number}"
        with findings.noted():
            frame = read_json(line, place)
            if not isinstance(frame, dict) or not isinstance(frame.get("tracks"), list):
                raise UsageError(
                    f"{place}: {shown(frame)} given: a frame with 'tracks' is expected"
                )
            stream = safe_name(str(frame.get("stream") or name))
            draft = drafts.setdefault(stream, ClipDraft(stream, size=size))
            _add(draft, frame, place, classes, findings)
    return built_set(classes, drafts.values(), findings)


def _add(
    draft: ClipDraft, frame: Mapping[str, Any], where: str, classes: list[str], findings: Findings
) -> None:
    index = checked_frame(f"{where}: index", frame.get("index"))
    draft.frames.add(index)
    seconds = as_number(frame.get("seconds"))
    if seconds is not None:
        draft.seconds[index] = seconds
    mark = Mark.INTERPOLATED if frame.get("detected") is False else Mark.DETECTED
    tracks = TrackNames()
    tracks.reserve(each.get("id") for each in frame["tracks"] if isinstance(each, dict))
    for each in frame["tracks"]:
        with findings.noted():
            box = as_numbers(each.get("box")) if isinstance(each, dict) else None
            if box is None or len(box) != 4:
                raise UsageError(f"{where}: {shown(each)} given: a track with a box is expected")
            name = checked_class(where, each.get("class"))
            if name not in classes:
                classes.append(name)
            edges = tuple(checked_box(where, *box))
            track, score = tracks.number(each.get("id")), as_number(each.get("score"))
            draft.rows.append(LabelledBox(index, edges, classes.index(name), track, score, mark))
