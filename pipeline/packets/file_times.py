"""Times of packets in a file, exact in the camera's own units, from 0 at the first keyframe."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

from pipeline.packets.packet import HERTZ, EncodedPacket

MAX_APART = 5  # seconds between audio and video that arrive together; more is another clock


class VideoTimes:
    """Times of video: differences are those of the camera's times.

    Where those jump, or are missing, the stream's time line decides.

    start: the first packet; time_base: of the track, in seconds
    """

    def __init__(self, start: EncodedPacket, time_base: Fraction) -> None:
        self.time_base = time_base
        self._start = start
        self._shift: int | None = None  # from the camera's times to those in the file
        self._tolerance = 1 + ceil(1 / (HERTZ * time_base))  # both have been rounded
        self.last = 0

    def time(self, packet: EncodedPacket) -> int:
        """Return the time of display of a packet, in units of the time base."""
        line = round(Fraction(packet.ticks - self._start.ticks, HERTZ) / self.time_base)
        self.last = line
        if packet.pts is not None:
            if self._shift is None or abs(packet.pts + self._shift - line) > self._tolerance:
                self._shift = line - packet.pts
            self.last = packet.pts + self._shift
        return self.last

    @property
    def seconds(self) -> Fraction:
        """The time of the last packet in the file."""
        return self.last * self.time_base

    @property
    def shift_seconds(self) -> Fraction:
        """What has to be added to the camera's time."""
        return (self._shift or 0) * self.time_base


class AudioTimes:
    """Times of one track of audio, which keep their offset to the video."""

    def __init__(self, video: VideoTimes, time_base: Fraction) -> None:
        self._video = video
        self._time_base = time_base
        self._own: Fraction | None = None  # shift in seconds, if the clock is not the video's
        self._next = 0  # end of the last packet
        self._last: int | None = None
        self._usual = 1  # duration

    def times(self, packet: EncodedPacket) -> tuple[int, int] | None:
        """Return the time and the duration of a packet in units of the track's time base.

        A duration that is not known is the distance to the packet before: the last packet of an
        mp4 is not played if it lasts no time.
        None: it is not after the packet before.
        """
        time = self._next if packet.pts is None else packet.pts + self._shift(packet.pts)
        if self._last is not None and time <= self._last:
            return None
        if packet.duration:
            self._usual = packet.duration
        elif self._last is not None:
            self._usual = time - self._last
        self._last, self._next = time, time + self._usual
        return time, self._usual

    def _shift(self, pts: int) -> int:
        for shift in (self._video.shift_seconds, self._own):
            if shift is not None and abs(self._apart(pts, shift)) <= MAX_APART:
                return round(shift / self._time_base)
        self._own = self._video.seconds - pts * self._time_base
        return round(self._own / self._time_base)

    def _apart(self, pts: int, shift: Fraction) -> Fraction:
        return pts * self._time_base + shift - self._video.seconds
