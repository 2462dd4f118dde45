"""Detections to tracks, by the clock of the source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from pipeline.attention.attention import Attention
from pipeline.attention.shadow import Shadow
from pipeline.frames.result import Detected, Tracked
from pipeline.runtime.stage import Stage
from pipeline.stages.camera_motion import CameraMotion
from trackers.tracks import Tracker, Tracks


class Track(Stage[Detected, Tracked]):
    """Gives the detections of one stream identities; without a tracker they get none (-1).

    The clock tells the tracker how long frames were missing. At a new scene the tracker is reset;
    its identities continue after the highest one so far.

    camera: estimates the camera's motion for the tracker; None for a fixed camera
    attention: learns what the looks have found; None if every frame is looked at
    shadow: notes what attention would have missed; None if it is not asked
    """

    def __init__(
        self,
        tracker: Tracker | None,
        camera: CameraMotion | None = None,
        attention: Attention | None = None,
        shadow: Shadow | None = None,
    ) -> None:
        self._tracker = tracker
        self._camera = camera
        self._attention = attention
        self._shadow = shadow
        self._scene = 0
        self._last_id = 0  # the highest so far
        self._id_offset = 0  # the highest before this scene

    def process(self, item: Detected) -> Iterable[Tracked]:
        """Return the frame with its tracks."""
        frame, tracks = item.frame, self._tracks(item)
        seconds, size = float(frame.time), (frame.picture.width, frame.picture.height)
        if self._attention and frame.decision:
            self._attention.settle(seconds, frame.decision, item.detections, tracks, size)
        if self._shadow and frame.shadow:
            self._shadow.follow(seconds, frame.shadow, item.detections, tracks, size)
        return (Tracked(frame, tracks),)

    def close(self) -> None:
        """Tell the attention that no further results come."""
        for attention in (self._attention, self._shadow and self._shadow.attention):
            if attention:
                attention.close()

    def _tracks(self, item: Detected) -> Tracks:
        if self._tracker is None:
            return Tracks.untracked(item.detections)
        if item.frame.scene != self._scene:
            self._scene, self._id_offset = item.frame.scene, self._last_id
            self._tracker.reset()
            if self._shadow is not None:
                self._shadow.reset()
            if self._camera is not None:
                self._camera.reset()
        seconds = float(item.frame.time)
        if item.frame.rests:
            picture = item.frame.picture
            tracks = self._tracker.update(None, seconds).within(picture.width, picture.height)
        else:
            step = self._camera.step_of(item) if self._camera else None
            tracks = self._tracker.update(item.detections, seconds, step)
        if self._id_offset:
            tracked = tracks.ids >= 0
            tracks = replace(tracks, ids=np.where(tracked, tracks.ids + self._id_offset, -1))
        self._last_id = max(self._last_id, int(tracks.ids.max(initial=0)))
        return tracks
