"""Frames of hardware that come after their packets were taken are waited for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from pipeline.codecs.sample import decoder_of
from pipeline.gstreamer import decoder
from pipeline.memory_limits import MAX_PIXELS
from tests.support import late_decoder_child
from tests.support.late_decoder_child import HELD, PROMPT

PACKETS = PROMPT + 12


def shown(seconds: float, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int | None]]:
    """Yield the frames after each packet; seconds: that a frame is waited for."""
    monkeypatch.setattr(decoder, "HARDWARE_SECONDS", seconds)
    program = (sys.executable, Path(late_decoder_child.__file__))
    tried = decoder.GStreamerDecoder(decoder_of("h264"), MAX_PIXELS, program)
    for number in range(PACKETS):
        packet: Any = av.Packet(b"coded")
        packet.pts, packet.time_base = number, Fraction(1, 25)
        yield [frame.pts for frame in tried.decode(packet)]


def test_a_late_frame_comes_with_the_packet_that_completes_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = list(shown(60.0, monkeypatch))
    assert [pts for frames in found for pts in frames] == list(range(PACKETS - HELD))
    assert found[PROMPT:] == [[number - HELD] for number in range(PROMPT, PACKETS)]


def test_a_frame_that_does_not_come_in_time_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = [pts for frames in shown(0.0, monkeypatch) for pts in frames]
    assert found == list(range(len(found)))  # in order, none lost, and some still on their way
