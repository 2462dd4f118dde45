"""Tracks as JSON lines: one object per frame."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from pipeline.analysis import BOX_DECIMALS
from pipeline.frames.result import Tracked
from pipeline.sinks.text import TextFile
from trackers.motchallenge.text import Origin
from trackers.tracks import Tracks

MARKS = {
    Origin.SMOOTHED: "detected",
    Origin.INTERPOLATED: "interpolated",
    Origin.LINKED: "linked",
}


class JsonLines(TextFile):
    """Writes an object per frame, also for frames without objects.

    stream, index: which frame; index: numbered in the source before any drop
    pts, time_base: from the container, pts null if it has none
    seconds: pts x time_base, unless the time had to be repaired
    detected: false in a frame that the engine did not look at; its tracks are predicted
    tracks: confirmed tracks: id (null if not tracked), class, class_id, score, box (x0, y0, x1, y1
        in source pixels); of refined tracks also mark: `detected`, `interpolated` or `linked`
    events, counts, occupancy: of lines and zones, if any, see `pipeline.analysis`
    """

    accepted: ClassVar[tuple[str, ...]] = (".jsonl",)

    def text(self, item: Tracked) -> str:
        """Return the frame's line."""
        frame = item.frame
        line: dict[str, Any] = {
            "stream": frame.stream.name,
            "index": frame.index,
            "pts": frame.pts,
            "time_base": str(frame.time_base),
            "seconds": float(frame.time),
            **({"detected": False} if frame.rests else {}),
            "tracks": self._objects(item.tracks.confirmed),
        }
        if item.origins is not None:
            for track, origin in zip(line["tracks"], item.origins.tolist(), strict=True):
                track["mark"] = MARKS[origin]
        if item.analysis is not None:
            line["events"] = [event.as_json() for event in item.analysis.events]
            line["counts"] = item.analysis.counts
            line["occupancy"] = item.analysis.occupancy
        return json.dumps(line, separators=(",", ":"), allow_nan=False) + "\n"

    def _objects(self, tracks: Tracks) -> list[dict[str, Any]]:
        rows = zip(
            tracks.ids.tolist(),
            tracks.class_ids.tolist(),
            tracks.scores.tolist(),
            tracks.boxes_xyxy.tolist(),
            strict=True,
        )
        return [
            {
                "id": identity if identity >= 0 else None,
                "class": self._classes[class_id],
                "class_id": class_id,
                "score": round(score, 4),
                "box": [round(edge, BOX_DECIMALS) for edge in box],
            }
            for identity, class_id, score, box in rows
        ]
