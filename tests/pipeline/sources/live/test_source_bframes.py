"""Cameras whose encoders use B-frames: a slow one is as good as a fast one."""

from __future__ import annotations

from contextlib import closing
from itertools import islice, pairwise
from pathlib import Path
from time import monotonic

import pytest

from pipeline.connections.status import State
from pipeline.sources import Decoded, Skipped
from tests.support.cameras import Server, numbered, require_gstreamer, write_units
from tests.support.live_streams import live, numbers

FRAMES = 24
CONNECTIONS = 4  # a busy machine delays frames of some of them, but never of all


def watch(url: str, rate: int) -> None:
    """Connect, and assert that the frames come one after the other, and none of them too late."""
    with closing(live(url, max_age=0.5)) as source:
        source.open()
        items: list[Decoded | Skipped] = []
        for item in islice(source, FRAMES):
            assert source.status.state in (State.LIVE, State.CONNECTING)
            if isinstance(item, Decoded):
                assert item.expires_at > monotonic()
            items.append(item)
        assert source.status.stalls == 0
    found = [item for item in items if isinstance(item, Decoded)]
    assert len(found) >= FRAMES - 2  # the decoder finds out with the first ones
    shown = numbers(found)
    assert shown[2:] == list(range(shown[2] or 0, (shown[2] or 0) + len(found) - 2))
    steps = {(b.pts or 0) - (a.pts or 0) for a, b in pairwise(found[2:])}
    assert steps == {90_000 // rate}


@pytest.mark.parametrize(("rate", "bframes"), [(15, 3), (10, 3), (5, 2)])
def test_all_frames_are_shown_in_time_and_the_camera_is_live(
    rate: int, bframes: int, tmp_path: Path
) -> None:
    require_gstreamer()
    clip = write_units(tmp_path / "b.units", numbered(frames=96), 2 * rate, bframes)
    with Server({"slow": {"clip": clip, "fps": rate}}) as server:
        for left in reversed(range(CONNECTIONS)):
            try:
                watch(server.url("slow"), rate)
                return
            except AssertionError:
                if not left:
                    raise
