"""Each camera sends its own clip, from its own place, at the clip's own rate."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest

from benchmarks.cameras.clip import make_clip
from benchmarks.cameras.serve import cameras
from pipeline.sources.street.frame_counter import read_counter
from tests.support.cameras import numbered, require_gstreamer
from tests.support.mot_rows import rows
from trackers.motchallenge.text import Float64Array

RECEIVED = 10  # frames of each camera
OPTIONS = {"rtsp_transport": "tcp", "fpsprobesize": "0"}  # it does not wait for a second of frames


def received(url: str) -> tuple[list[int | None], Float64Array]:
    """Return the numbers in the first frames of a camera, and the seconds between them.

    The first frame has no time: FFmpeg leaves it out.
    """
    numbers, times = [], []
    with av.open(url, options=OPTIONS, timeout=60) as container:
        for frame in islice(container.decode(video=0), RECEIVED):
            numbers.append(read_counter(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)))
            times.append(frame.time)
    return numbers, np.diff(np.array(times[1:], float))


def test_cameras_take_their_clips_from_their_places_at_their_rates(tmp_path: Path) -> None:
    require_gstreamer()
    fast = make_clip(tmp_path / "fast.units", Fraction(25, 2), numbered(frames=18), rows())
    slow = make_clip(tmp_path / "slow.units", Fraction(10), numbered((576, 64), 14), rows())
    assert (fast.frames, slow.frames) == (18, 14)
    with cameras([fast, slow], 4) as served:
        found = [received(url) for url in served.urls]
    for start, frames, fps, (numbers, intervals) in zip(
        (0, 0, 12, 10), (18, 14, 18, 14), (12.5, 10, 12.5, 10), found, strict=True
    ):
        assert numbers == [(start + k) % frames for k in range(RECEIVED)]
        assert intervals == pytest.approx(np.full(RECEIVED - 2, 1 / fps))
