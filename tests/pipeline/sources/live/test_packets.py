"""What one connection's packets become, where the connection is one of a test's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from threading import Event
from typing import Any

import pytest

from pipeline.connections.status import Cause, Status
from pipeline.sources import Skipped
from pipeline.sources.conversion import Pictures
from pipeline.sources.live.clock import LiveClock
from pipeline.sources.live.connection import Arrival, Lost
from pipeline.sources.live.packet_gate import LATE, Skip
from pipeline.sources.live.packets import Decoding, Scenes


@dataclass
class Packet:
    """As much of a packet as is looked at before it is decoded."""

    is_keyframe: bool = True


class Fruitless:
    """A connection whose packets give no picture; arrivals: seconds from capture to arrival."""

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
    """Return why there is no picture; 5 s in vain are too long, half a second is late."""
    connection: Any = Fruitless(delays)
    decoding = Decoding(
        connection,
        LiveClock(),
        Pictures("cam"),
        Scenes(),
        Status("cam"),
        max_age=0.5,
        patience=5.0,
        seen=None,
        stopped=Event(),
    )
    return [item.reason for item in decoding.results() if isinstance(item, Skipped)]


def test_packets_that_never_give_a_picture_are_bad_data() -> None:
    with pytest.raises(Lost) as lost:
        results([0.0] * 200)
    assert lost.value.trouble.cause is Cause.BAD_DATA


def test_pictures_that_were_left_out_for_being_late_are_no_sign_of_bad_data() -> None:
    reasons = results([0.0] + [1.0] * 150 + [0.0] * 20)
    assert reasons.count(LATE) == 150
