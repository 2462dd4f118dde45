"""The pictures of labelled frames, read from their video or folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.detections import Int64Array, UInt8Array
from detector.errors import UsageError
from pipeline.redaction import shown_url
from pipeline.sources import Decoded, make_source, source_for

PLANE = (32, 18)  # pixels, width and height, of a picture that is compared with others
QUALITY = 95  # of JPEG files that are labelled and trained on


@dataclass(frozen=True, slots=True)
class Seen:
    """Frames of a recording that decode, small.

    frames: (m,) int64, counted from 0 in the source
    planes: (m, 18, 32) uint8, grey
    seconds: (m,) float64
    """

    frames: Int64Array
    planes: UInt8Array
    seconds: NDArray[np.float64]


def pictures(url: str, wanted: Int64Array) -> Iterator[tuple[int, Decoded]]:
    """Yield the wanted frames of a recording that decode, with their numbers.

    wanted: increasing, counted from 0 in the source, as in the outputs of a run
    Raises UsageError if the source is live or ends before the last of them; SourceError.
    """
    if source_for(url).live:
        raise UsageError(f"{shown_url(url)}: is live: give the recording that was labelled")
    frames = wanted.tolist()
    with closing(make_source(url, "labels", {}, ())) as source:
        source.open()
        for index, item in enumerate(source):
            if not frames:
                return
            if index == frames[0]:
                frames.pop(0)
                if isinstance(item, Decoded):
                    yield index, item
    if frames:
        raise UsageError(
            f"{shown_url(url)}: ends before frame {frames[0]}, which is labelled: give the video "
            "that the labels belong to"
        )


def seen(url: str, wanted: Int64Array) -> Seen:
    """Return the wanted frames, small; see `pictures`."""
    frames, planes, seconds = [], [], []
    for index, item in pictures(url, wanted):
        plane = cv2.resize(item.picture.luma(PLANE[1]), PLANE, interpolation=cv2.INTER_AREA)
        frames.append(index)
        planes.append(np.asarray(plane, np.uint8))
        seconds.append(float(index) if item.pts is None else float(item.pts * item.time_base))
    small = np.stack(planes) if planes else np.zeros((0, PLANE[1], PLANE[0]), np.uint8)
    return Seen(np.array(frames, np.int64), small, np.array(seconds))


def jpegs(url: str, wanted: Int64Array) -> Iterator[bytes]:
    """Yield the wanted frames that decode as JPEG files; see `pictures`."""
    for _, item in pictures(url, wanted):
        _, data = cv2.imencode(".jpg", item.picture.bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        yield data.tobytes()
