"""From a camera's packets to fragments, on one thread for all of its viewers."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator

from pipeline.media.fragments import TIMESCALE, H264Format, fragment
from pipeline.packets.keyframe import nal_units
from pipeline.packets.packet import EncodedPacket, PacketFormat
from pipeline.packets.tap import ConnectionEnded, Tapped
from pipeline.web.live.viewer import Message

START = 10 * TIMESCALE  # of the times in fragments: decoding may begin before time 0
_DEFAULT_DURATION = TIMESCALE // 25


class Unplayable(Exception):
    """A browser cannot play these packets; the message says why."""


class Remuxer:
    """Makes messages of packets: a format and its init segment, then a fragment for each frame.

    Times in the fragments are the ticks of the stream's frames, later by START, so that a page
    knows which frame it shows.
    """

    def __init__(self) -> None:
        self._format: PacketFormat | None = None
        self._parameter_sets: list[bytes] = []  # in the format
        self._has_lengths = False  # in front of NAL units, in place of start codes
        self._begun = False
        self._sequence = 0
        self._last_dts: int | None = None  # ticks

    def messages(self, item: Tapped) -> list[Message]:
        """Return what viewers are sent for the next item. Raises Unplayable."""
        if isinstance(item, PacketFormat):
            self._format, self._begun, self._last_dts = item, False, None
            if item.tracks[0].codec != "h264":
                raise Unplayable(f"the codec is {item.tracks[0].codec}")
            self._parameter_sets, self._has_lengths = _extradata(item)
            return []
        if isinstance(item, ConnectionEnded):
            self._format = None
            return []
        if item.track != 0 or self._format is None:
            return []
        return list(self._video(item))

    def _video(self, packet: EncodedPacket) -> Iterator[Message]:
        split = _with_lengths if self._has_lengths else nal_units
        units = list(split(packet.data))
        if not self._begun:
            if not packet.keyframe:
                return
            yield from self._beginning([*units, *self._parameter_sets])
            self._begun = True
        dts = self._decoding_time(packet)
        if self._last_dts is not None and dts <= self._last_dts:
            raise Unplayable("it reorders its frames, and does not say how")
        since = _DEFAULT_DURATION if self._last_dts is None else dts - self._last_dts
        self._last_dts = dts
        self._sequence += 1
        data = fragment(
            self._sequence,
            units,
            dts=dts + START,
            pts=packet.ticks + START,
            duration=since,
            keyframe=packet.keyframe,
        )
        yield Message(data, keyframe=packet.keyframe, needs_last=not packet.keyframe)

    def _decoding_time(self, packet: EncodedPacket) -> int:
        """Return when a packet is decoded, in ticks; before it is shown if it is reordered."""
        assert self._format
        if packet.pts is None or packet.dts is None:
            return packet.ticks
        ahead = (packet.pts - packet.dts) * self._format.tracks[0].time_base
        return packet.ticks - round(ahead * TIMESCALE)

    def _beginning(self, units: Iterable[bytes]) -> Iterator[Message]:
        assert self._format
        track = self._format.tracks[0]
        of_kind = {kind: [u for u in units if u and u[0] & 31 == kind] for kind in (7, 8)}
        if not (of_kind[7] and of_kind[8]):
            raise Unplayable("it has no parameter sets")
        h264 = H264Format(of_kind[7][0], tuple(of_kind[8][:1]), track.width, track.height)
        about = {
            "type": "format",
            "mime": h264.mime,
            "width": track.width,
            "height": track.height,
            "start": START,
        }
        yield Message(json.dumps(about), keyframe=True)
        yield Message(h264.init_segment(), keyframe=True)


class GroupOfPictures:
    """The messages since the last keyframe, so that a new viewer need not wait for the next.

    max_bytes: of a group that is kept
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._head: list[Message] = []  # format and init segment
        self._group: deque[Message] = deque()
        self._bytes = 0

    @property
    def messages(self) -> list[Message]:
        """What a new viewer is sent first."""
        return [*self._head, *self._group]

    def add(self, messages: list[Message]) -> None:
        """Note the messages of one packet."""
        for message in messages:
            if isinstance(message.data, str):
                self._head, self._group, self._bytes = [message], deque(), 0
            elif self._head and len(self._head) == 1:
                self._head.append(message)
            else:
                self._add_fragment(message)

    def clear(self) -> None:
        """Forget everything: the connection has ended."""
        self._head, self._group, self._bytes = [], deque(), 0

    def _add_fragment(self, message: Message) -> None:
        if message.keyframe:
            self._group, self._bytes = deque(), 0
        elif not self._group:
            return  # the group was too large to keep
        self._group.append(message)
        self._bytes += len(message.data)
        if self._bytes > self._max_bytes:
            self._group, self._bytes = deque(), 0


def _extradata(packets: PacketFormat) -> tuple[list[bytes], bool]:
    """Return the parameter sets in the format, and whether NAL units have lengths."""
    with packets.templates() as templates:
        extradata = bytes(templates[0].codec_context.extradata or b"")
    if extradata[:1] != b"\1":
        return list(nal_units(extradata)), False
    units, at = [], 5
    for mask in (0x1F, 0xFF):  # of the numbers of SPS and of PPS
        count, at = extradata[at] & mask, at + 1
        for _ in range(count):
            size = int.from_bytes(extradata[at : at + 2], "big")
            units.append(extradata[at + 2 : at + 2 + size])
            at += 2 + size
    return units, True


def _with_lengths(data: bytes) -> Iterator[bytes]:
    """Yield the NAL units of a packet as mp4 has it, with lengths of 4 bytes."""
    at = 0
    while at + 4 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        unit = data[at + 4 : at + 4 + size]
        if unit:
            yield unit
        at += 4 + size
