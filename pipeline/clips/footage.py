"""Where the packets of a stream's clips come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from detector.errors import FramelaneError
from pipeline.frames.stream import Epoch
from pipeline.media.muxing import refused
from pipeline.packets.packet import HERTZ, PacketFormat
from pipeline.packets.ring import Kept, Ring, RingReader
from pipeline.packets.tap import Tap

LATE_SECONDS = 10.0  # for the confirmation of a track, and a slow engine


class ClipError(FramelaneError):
    """A clip cannot be made: the reason, in words."""


class Passage(Protocol):
    """Packets from a keyframe on.

    cut: why it begins later than was wanted; None: it does not, or the stream began later
    lost: packets that are missing between those that were read
    """

    cut: str | None
    lost: int

    def read(self, count: int) -> tuple[list[Kept], bool]:
        """Return the next packets, `count` at most, and whether more can follow.

        The first is a keyframe. Raises ClipError.
        """

    def close(self) -> None:
        """Release everything. May be repeated."""


class Footage(Protocol):
    """The packets of one stream.

    grows: they arrive while they are recorded, and are soon gone; else they can be had later
    """

    grows: bool

    @property
    def suffix(self) -> str:
        """Of the file that holds them; raises ClipError."""

    def begin(self, seconds: float, epochs: Sequence[Epoch]) -> Passage:
        """Return the packets from the keyframe at or before a moment on; raises ClipError.

        seconds: on the clock of the stream's frames; epochs: the clocks of the source
        """


class LiveFootage:
    """The packets in the ring of a camera."""

    grows = True

    def __init__(self, ring: Ring) -> None:
        self.ring = ring

    @property
    def suffix(self) -> str:
        """Of the file that holds them."""
        packets = self.ring.format
        return suffix_for(packets) if packets else ".mp4"

    def begin(self, seconds: float, epochs: Sequence[Epoch]) -> RingReader:
        """Return what the ring has from the keyframe at or before a moment on."""
        return self.ring.read_from(round(seconds * HERTZ))


def live_footage(tap: Tap, pre_seconds: float, late_seconds: float = LATE_SECONDS) -> LiveFootage:
    """Return the footage of a live source.

    pre_seconds: before an event, which its clip shows
    late_seconds: after its start an event is noted, at most; `min_seconds` adds to that
    """
    ring = Ring("clips", pre_seconds + late_seconds)
    tap.attach(ring)
    return LiveFootage(ring)


def suffix_for(packets: PacketFormat) -> str:
    """Return .mp4, which browsers play, or .mkv for video that mp4 cannot hold."""
    with packets.templates() as templates:
        return ".mkv" if refused(templates[0], "mp4") else ".mp4"
