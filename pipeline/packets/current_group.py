"""The packets since the last keyframe."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.packets.packet import EncodedPacket

MAX_GROUP = 3 << 20  # bytes that a new viewer of the page is sent at once


class CurrentGroup:
    """Keeps the packets of a connection since the last keyframe of its video.

    packets: in the order in which they came; none if they would take more than `max_bytes`
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._packets: list[EncodedPacket] = []
        self._bytes = 0

    @property
    def packets(self) -> Sequence[EncodedPacket]:
        return self._packets

    def add(self, packet: EncodedPacket) -> None:
        """Note the next packet."""
        if packet.keyframe and packet.track == 0:
            self.clear()
        elif not self._packets:
            return  # no keyframe yet, or the group is too large
        self._packets.append(packet)
        self._bytes += len(packet.data)
        if self._bytes > self._max_bytes:
            self.clear()

    def clear(self) -> None:
        """Forget them: another connection begins."""
        self._packets, self._bytes = [], 0
