"""Times of packets as GStreamer needs them: nanoseconds that grow from keyframe to keyframe."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av
from av.video.stream import VideoStream

SECOND = 1_000_000_000
_START = 1000 * SECOND  # room for frames that are shown before the first keyframe
_GRAIN = 1000  # some decoders in hardware keep only microseconds
_STEP = 1_000_000
_MAX_STEP_BACK = 2 * SECOND  # frames are reordered by less; beyond, a clock was set back


@dataclass(frozen=True, slots=True, eq=False)
class Carried:
    """The note of a packet, as the `opaque` of its frame.

    PyAV forgets an object that is the `opaque` of two as soon as one of them is gone.
    """

    note: object


@dataclass(frozen=True, slots=True)
class Sent:
    """What is to be known of a packet once its frame comes; note: its `opaque`."""

    pts: int | None
    time_base: Fraction
    note: object
    discarded: bool


class PacketTimes:
    """Gives each packet a time, and finds the packet of a frame by it.

    GStreamer's decoders take a time that goes back for an error of the stream, and give such frames
    other times. A camera's clock may go back.
    """

    def __init__(self) -> None:
        self._sent: dict[int, Sent] = {}  # by their times
        self._highest = _START
        self._offset: int | None = None  # nanoseconds from the packets' times to ours

    def __len__(self) -> int:
        """Return how many packets are in the decoder."""
        return len(self._sent)

    def sent(self, packet: av.Packet[VideoStream]) -> int:
        """Return the time of a packet that is given to the decoder, in nanoseconds."""
        time_base = packet.time_base or Fraction(1, SECOND)
        if packet.pts is None:
            time = self._highest + _STEP
        else:
            nanoseconds = packet.pts * SECOND * time_base.numerator // time_base.denominator
            time = self._on_our_line(nanoseconds, packet.is_keyframe)
        self._highest = max(self._highest, time)
        self._sent[time] = Sent(packet.pts, time_base, packet.opaque, packet.is_discard)
        return time

    def decoded(self, time: int) -> Sent | None:
        """Return the packet of a frame, None if it is unknown.

        Frames come in display order, so that earlier ones are not awaited any more.
        """
        found = self._sent.pop(time // _GRAIN * _GRAIN, None)
        if found:
            for earlier in [each for each in self._sent if each < time]:
                del self._sent[earlier]
        return found

    def _on_our_line(self, nanoseconds: int, keyframe: bool) -> int:
        if self._offset is None:
            self._offset = _START + _STEP - nanoseconds
        time = nanoseconds + self._offset
        back = self._highest - time
        if (keyframe and back >= 0) or back > _MAX_STEP_BACK:
            self._offset += back + _STEP
            time = nanoseconds + self._offset
        return time // _GRAIN * _GRAIN
