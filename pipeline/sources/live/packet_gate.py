"""Which pictures of a live stream are worth decoding: the cheapest place to shed load."""

from __future__ import annotations

from enum import Enum

NO_KEY = "no key picture yet"
LATE = "late, left out up to a key picture"
UNNEEDED = "late, and no other picture needs it"
NO_PICTURE = "gave no picture"
SEEN = "came again after a reconnect"
UNDECODABLE = "does not decode"


class Skip(Enum):
    """What the decoder may leave out, in FFmpeg's words."""

    NOTHING = "DEFAULT"
    UNNEEDED = "NONREF"


class Gate:
    """Decides on each packet of one connection, in the order of arrival.

    A packet is never left out between others that are decoded and may need it: if one is, all are
    up to the next key picture. A connection begins with a key picture, too; a stream that has none
    (refreshed piece by piece) is decoded from wherever it is after `patience` seconds.

    max_age: seconds; a picture that is later waits for nobody. None: all are decoded
    """

    def __init__(self, max_age: float | None, patience: float) -> None:
        self._max_age = max_age
        self._patience = patience
        self._begun = False
        self._catching_up = False
        self._first_at: float | None = None
        self.skip = Skip.NOTHING  # what the decoder may leave out of the packet that was let in

    def refuses(self, key: bool, late: float, now: float) -> str | None:
        """Return why a packet is not decoded, None where it is.

        key: it needs no other; late: seconds that it was held up; now: seconds, never going back
        """
        if not self._begun:
            if self._first_at is None:
                self._first_at = now
            self._begun = key or now - self._first_at > self._patience
            if not self._begun:
                return NO_KEY
        if self._max_age is None:
            return None
        if self._catching_up and key and late <= self._max_age / 2:
            self._catching_up = False
        elif late > self._max_age:
            self._catching_up = True
        self.skip = Skip.UNNEEDED if late > self._max_age / 2 else Skip.NOTHING
        return LATE if self._catching_up else None
