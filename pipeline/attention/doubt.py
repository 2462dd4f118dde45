"""What a look has found, but not surely enough for a track: an object that comes into sight, often.

The scores of a person who enters, or steps out from behind another, rise from one frame to the next
until the tracker takes them. So such a look was not in vain, and the next one is soon.
"""

from __future__ import annotations

import numpy as np

from detector.detections import Detections, Float32Array, iou
from trackers.tracks import Tracks, TrackState

MIN_SCORE = 0.3  # of a detection that may become a track
SAME_IOU = 0.3  # with a track of its class: the detection belongs to that


def doubtful(found: Detections, tracks: Tracks) -> Float32Array:
    """Return the (n, 4) boxes of detections that no track explains.

    found: of a look; tracks: of the same frame
    """
    found = found[found.scores >= MIN_SCORE]
    seen = tracks[tracks.states != TrackState.LOST]
    same = iou(found.boxes_xyxy, seen.boxes_xyxy) >= SAME_IOU
    same &= found.class_ids[:, None] == seen.class_ids
    return np.asarray(found.boxes_xyxy[~same.any(axis=1)])
