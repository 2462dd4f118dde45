"""Messages about decoded frames: their tracks, and the frames themselves as JPEG."""

from __future__ import annotations

import json
from collections.abc import Sequence
from time import monotonic, time
from typing import Any

import cv2
import numpy as np

from detector.detections import UInt8Array
from pipeline.analysis import BOX_DECIMALS
from pipeline.frames.result import Tracked
from pipeline.packets.packet import HERTZ
from pipeline.web.live.viewer import Message

MAX_WIDTH = 960  # pixels of a JPEG: enough for a page, and quickly encoded
QUALITY = 75


def ticks_of(item: Tracked) -> int:
    """Return the time of a frame on the time line of its stream's packets."""
    return round(item.frame.time * HERTZ)


def captured(item: Tracked) -> float:
    """Return when a frame was captured, in seconds since 1970."""
    return time() - (monotonic() - item.frame.captured_at)


def tracks_message(item: Tracked, classes: Sequence[str]) -> Message:
    """Return the tracks of a frame, in source pixels, and the counts at its lines and zones."""
    tracks = item.tracks.confirmed
    rows = zip(
        tracks.ids.tolist(),
        tracks.class_ids.tolist(),
        tracks.scores.tolist(),
        tracks.boxes_xyxy.tolist(),
        strict=True,
    )
    content: dict[str, Any] = {
        "type": "tracks",
        "ticks": ticks_of(item),
        "width": item.frame.picture.width,
        "height": item.frame.picture.height,
        "tracks": [
            {
                "id": identity if identity >= 0 else None,
                "class": classes[class_id],
                "score": round(score, 3),
                "box": [round(edge, BOX_DECIMALS) for edge in box],
            }
            for identity, class_id, score, box in rows
        ],
    }
    if item.analysis is not None:
        content["figures"] = [
            {"corners": list(figure.corners), "closed": figure.closed, "text": figure.text}
            for figure in item.analysis.figures
        ]
    return Message(json.dumps(content, separators=(",", ":")))


def jpeg_messages(item: Tracked) -> tuple[Message, Message]:
    """Return which frame follows, with its size in source pixels, and the frame."""
    picture = item.frame.picture
    size = {"width": picture.width, "height": picture.height}
    about = {"type": "jpeg", "ticks": ticks_of(item), **size}
    return Message(json.dumps(about)), Message(jpeg(picture.bgr, MAX_WIDTH), True)


def jpeg(bgr: UInt8Array, max_width: int | None = None) -> bytes:
    """Return a (h, w, 3) BGR frame as JPEG, at most `max_width` pixels wide."""
    height, width = bgr.shape[:2]
    if max_width and width > max_width:
        size = max_width, max(1, round(height * max_width / width))
        bgr = np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), np.uint8)
    done, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert done
    return encoded.tobytes()
