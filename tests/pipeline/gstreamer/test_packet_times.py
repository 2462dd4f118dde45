"""Times for GStreamer's decoders, which must not go back in the order of display."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import av
import pytest

from pipeline.gstreamer.packet_times import PacketTimes

TICKS = Fraction(1, 90_000)


def packet(pts: int | None, *, keyframe: bool = False, time_base: Fraction = TICKS) -> Any:
    made = av.Packet(b"x")
    made.pts, made.is_keyframe, made.time_base = pts, keyframe, time_base
    return made


def test_a_frame_is_found_by_its_time_in_microseconds() -> None:
    times = PacketTimes()
    sent = {pts: times.sent(packet(pts, keyframe=pts == 0)) for pts in range(0, 90_000, 1001)}
    for pts, time in sent.items():
        found = times.decoded(time // 1000 * 1000 + pts % 1000)  # hardware keeps microseconds
        assert found and (found.pts, found.time_base) == (pts, TICKS)
    assert len(times) == 0
    assert times.decoded(5) is None


def test_reordered_frames_keep_their_distances() -> None:
    times = PacketTimes()
    pts = [0, 10800, 3600, 7200, 21600, 14400, 18000]
    sent = [times.sent(packet(each, keyframe=each == 0)) for each in pts]
    assert [time - sent[0] for time in sent] == [each * 100_000 // 9 // 1000 * 1000 for each in pts]


def test_a_frame_that_is_shown_ends_the_wait_for_earlier_ones() -> None:
    times = PacketTimes()
    sent = [times.sent(packet(3600 * k, keyframe=k == 0)) for k in range(5)]
    assert times.decoded(sent[3])
    assert len(times) == 1
    assert times.decoded(sent[1]) is None


@pytest.mark.parametrize("pts", [[0, 3600, 7200, 0, 3600], [10**9, 10**9 + 3600, 5, 3605]])
def test_times_grow_where_a_camera_sets_its_clock_back(pts: list[int]) -> None:
    times = PacketTimes()
    keyframes = {0, next(k for k in range(1, len(pts)) if pts[k] < pts[k - 1])}
    sent = [times.sent(packet(each, keyframe=k in keyframes)) for k, each in enumerate(pts)]
    assert all(before < after for before, after in pairwise(sent))
    assert [times.decoded(time).pts for time in sent] == pts  # type: ignore[union-attr]


def test_frames_before_the_first_keyframe_and_packets_without_time_have_one() -> None:
    times = PacketTimes()
    first = times.sent(packet(9000, keyframe=True))
    before = times.sent(packet(1800))
    unknown = times.sent(packet(None))
    assert 0 < before < first < unknown
    found = times.decoded(unknown)
    assert found and found.pts is None
