"""What attention would have missed, told by an engine that looks at every frame."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np

from detector.detections import Detections, iou
from pipeline.attention.attention import Attention, Size
from pipeline.frames.decision import Decision
from trackers.evaluation.evaluate import evaluate, gathered
from trackers.motchallenge.text import MotResult
from trackers.tracks import Tracker, Tracks

MAX_FRAMES = 3000  # the latest, whose scores are compared: two minutes of most cameras
SAME_IOU = 0.3  # of two boxes of a class: they are of one object
MAX_KNOWN = 10_000  # tracks whose delay is remembered
GONE_SECONDS = 1.0  # after which a track that is not seen has ended


class Shadow:
    """A second tracker that gets the detections of the looks only, beside the one that gets all.

    The tracks of the first tracker count as the truth: it sees every frame.

    tracker: a new one, of the kind and with the options of the first
    """

    def __init__(self, attention: Attention, tracker: Tracker) -> None:
        self.attention = attention
        self._tracker = tracker
        self._lock = Lock()  # the report is made on another thread
        self._frame = 0
        self._recent: deque[tuple[int, Tracks, Tracks]] = deque(maxlen=MAX_FRAMES)
        self._unseen: dict[int, _Unseen] = {}  # tracks that no look has found yet
        self._newest = 0  # the highest identity so far
        self._missed = 0
        self._delays: list[float] = []

    def reset(self) -> None:
        """Forget the tracks, as at a new scene."""
        self._tracker.reset()

    def follow(
        self, seconds: float, decision: Decision, found: Detections, tracks: Tracks, size: Size
    ) -> None:
        """Note a frame.

        decision: what attention would do; found: its detections; tracks: those of the first tracker
        """
        if decision.looks:
            own = self._tracker.update(found, seconds)
        else:
            own = self._tracker.update(None, seconds).within(*size)
        self.attention.settle(seconds, decision, found, own, size)
        with self._lock:
            self._frame += 1
            self._recent.append((self._frame, tracks.confirmed, own.confirmed))
            self._compare(seconds, tracks.confirmed, own.confirmed)

    def figures(self) -> dict[str, Any]:
        """Return what would have been missed, for a report; it takes a second.

        tracks_found, tracks_never_seen: tracks of all frames, by whether looks would find them
        late_seconds: by how much later, at the 50th and 95th percentile
        idf1, mota, hota: of the tracks that attention would give, in the latest frames; None
            without tracks
        """
        with self._lock:
            recent, delays = list(self._recent), np.array(self._delays or [0.0])
            found, missed = len(self._delays), self._missed + len(self._unseen)
        truth = MotResult.of((k, real) for k, real, _ in recent).rows
        own = MotResult.of((k, tracks) for k, _, tracks in recent).rows
        scores = gathered([("", evaluate(truth, own, "classes"))]).overall.as_json()
        return {
            "tracks_found": found,
            "tracks_never_seen": missed,
            "late_seconds": {f"p{p}": round(float(np.percentile(delays, p)), 3) for p in (50, 95)},
            **{name: scores[name] for name in ("idf1", "mota", "hota")},
        }

    def _compare(self, seconds: float, tracks: Tracks, own: Tracks) -> None:
        """Note which tracks are found for the first time, and which have ended unseen."""
        same = iou(tracks.boxes_xyxy, own.boxes_xyxy) >= SAME_IOU
        same &= tracks.class_ids[:, None] == own.class_ids
        seen = np.asarray(same.any(axis=1)).tolist()
        for identity, found in zip(tracks.ids.tolist(), seen, strict=True):
            if identity > self._newest:
                self._newest = identity
                self._unseen[identity] = _Unseen(seconds, seconds)
            if (track := self._unseen.get(identity)) is None:
                continue
            track.last_at = seconds
            if found:
                self._delays.append(seconds - track.first_at)
                del self._unseen[identity]
        for identity, track in list(self._unseen.items()):
            if seconds - track.last_at > GONE_SECONDS:
                del self._unseen[identity]
                self._missed += 1
        del self._delays[:-MAX_KNOWN]


@dataclass(slots=True)
class _Unseen:
    """When a track that attention has not found was first and last there."""

    first_at: float
    last_at: float
