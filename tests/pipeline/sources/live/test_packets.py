"""The results for the packets of a connection that the test simulates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from threading import Event
from typing import Any

import pytest

from pipeline.connections.status import Cause, Disconnected, Status
from pipeline.packets.tap import Tap
from pipeline.sources import Skipped
from pipeline.sources.conversion import FrameConverter
from pipeline.sources.live.clock import LiveClock
from pipeline.sources.live.connection import Arrival
from pipeline.sources.live.packet_gate import LATE, Skip
from pipeline.sources.live.packets import Decoding, Scenes
from pipeline.sources.live.tap_feed import TapFeed


@dataclass
class Packet:
    """The part of a packet that is read before decoding."""

    is_keyframe: bool = True


class FramelessConnection:
    """A connection whose packets give no frames; delays: seconds from capture to arrival."""

    time_base = Fraction(1, 25)

    def __init__(self, delays: list[float]) -> None:
        self.delays = delays

    def arrivals(self) -> Iterator[Arrival]:
        for pts, delay in enumerate(self.delays):
            packet: Any = Packet()
            yield Arrival(packet, pts, pts / 25 + delay, None, waited=True)

    def decode(self, packet: Any, skip: Skip) -> list[Any]:
        return []


def results(delays: list[float]) -> list[str]:
    """Return the reasons; max_age is 0.5 s, and 5 s without a frame are too long."""
    connection: Any = FramelessConnection(delays)
    decoding = Decoding(
        connection,
        LiveClock(),
        FrameConverter("cam"),
        Scenes(),
        Status("cam"),
        TapFeed(Tap(), "cam"),
        max_age=0.5,
        patience=5.0,
        repeats=None,
        stopped=Event(),
    )
    return [item.reason for item in decoding.results() if isinstance(item, Skipped)]


def test_packets_that_give_no_frames_are_bad_data() -> None:
    with pytest.raises(Disconnected) as lost:
        results([0.0] * 200)
    assert lost.value.trouble.cause is Cause.BAD_DATA


def test_packets_skipped_for_being_late_are_not_bad_data() -> None:
    reasons = results([0.0] + [1.0] * 150 + [0.0] * 20)
    assert reasons.count(LATE) == 150
