"""A note that travels through a decoder with a packet, and packets kept with their notes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.gstreamer.packet_times import Carried

VideoPacket: TypeAlias = "Packet[VideoStream]"

MAX_KEPT = 64 << 20  # bytes: two groups of 4 s with 60 Mbit/s


@dataclass(slots=True, eq=False)
class PacketNote:
    """What is known of a packet, and so of its frame: `opaque` of both.

    coded: pixel aspect of its frame, if known; shown: its frame was given out
    group: number of the keyframe that it follows
    damaged: errors in its frame were concealed, by a decoder that is not FFmpeg's
    """

    coded: Fraction | None = None
    shown: bool = False
    group: int = 0
    damaged: bool = False


def note_of(of: VideoPacket | VideoFrame) -> PacketNote | None:
    """Return the note of a packet or a frame; some decoders lose those of frames."""
    note = of.opaque
    if isinstance(note, Carried):
        note = note.note
    return note if isinstance(note, PacketNote) else None


def is_damaged(frame: VideoFrame) -> bool:
    """Return whether a decoder has concealed errors in a frame."""
    note = note_of(frame)
    return frame.is_corrupt or (note is not None and note.damaged)


class KeptPackets:
    """The packets from which another decoder can go on where one broke, with their notes.

    These begin at the keyframe before that of the frame that was given out last: pictures around a
    keyframe may need older ones.
    """

    def __init__(self) -> None:
        self._groups: dict[int, list[VideoPacket]] = {}  # each begins with a keyframe
        self._latest = 0  # number of a group
        self._size = 0

    def __iter__(self) -> Iterator[VideoPacket]:
        for group in self._groups.values():
            yield from group

    def add(self, packet: VideoPacket) -> None:
        """Keep a packet, which has a note; none before a keyframe, and no more than MAX_KEPT."""
        if packet.is_keyframe:
            self._latest += 1
            self._groups[self._latest] = []
        if not self._groups:
            return
        self._groups[self._latest].append(packet)
        if note := note_of(packet):
            note.group = self._latest
        self._size += packet.size
        if self._size > MAX_KEPT:
            self._groups, self._size = {}, 0

    def shown(self, frame: VideoFrame) -> None:
        """Note that a frame was given out, and forget what is not needed any more."""
        note = note_of(frame)
        if note is None:
            note = next((note_of(each) for each in self if each.pts == frame.pts), None)
        if note is None:
            return
        note.shown = True
        while self._groups and (oldest := next(iter(self._groups))) < note.group - 1:
            self._size -= sum(each.size for each in self._groups.pop(oldest))
