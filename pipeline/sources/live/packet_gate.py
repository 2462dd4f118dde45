"""Which packets of a live stream are worth decoding: the cheapest place to shed load."""

from __future__ import annotations

from enum import Enum

NO_KEYFRAME = "no keyframe yet"
LATE = "late, skipped up to a keyframe"
NOT_REFERENCED = "late, and not referenced by other frames"
NO_FRAME = "gave no frame"
REPEATED = "sent again after a reconnect"
UNDECODABLE = "does not decode"


class Skip(Enum):
    """Frames that the decoder may skip, under FFmpeg's names."""

    NOTHING = "DEFAULT"
    NOT_REFERENCED = "NONREF"


class PacketGate:
    """Decides on each packet of one connection, in the order of arrival.

    A refused packet is followed by refusals up to the next keyframe, so that every decoded frame
    has its references. A connection also starts with a keyframe. A stream without keyframes (intra
    refresh) is decoded from any position after `patience` seconds.

    max_age: seconds; a frame that is later than this is refused. None: all are decoded
    """

    def __init__(self, max_age: float | None, patience: float) -> None:
        self._max_age = max_age
        self._patience = patience
        self._started = False
        self._catching_up = False
        self._first_at: float | None = None
        self.skip = Skip.NOTHING  # for the packet that was accepted last

    def refuses(self, keyframe: bool, late: float, now: float) -> str | None:
        """Return why a packet is not to be decoded, None if it is.

        late: seconds that it was delayed; now: seconds, never going back
        """
        if not self._started:
            if self._first_at is None:
                self._first_at = now
            self._started = keyframe or now - self._first_at > self._patience
            if not self._started:
                return NO_KEYFRAME
        if self._max_age is None:
            return None
        if self._catching_up and keyframe and late <= self._max_age / 2:
            self._catching_up = False
        elif late > self._max_age:
            self._catching_up = True
        self.skip = Skip.NOT_REFERENCED if late > self._max_age / 2 else Skip.NOTHING
        return LATE if self._catching_up else None
