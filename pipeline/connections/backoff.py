"""How long to wait before the next attempt: longer and longer, and never all at once."""

from __future__ import annotations

from random import Random

from pipeline.connections.status import Cause

GROWTH = 2.0
JITTER = 0.5  # the share of a pause that is left to chance: a rack of cameras reboots as one
STEADY_SECONDS = 10.0  # after which a connection counts as good, and pauses begin anew
PATIENT = 60  # times as long where the camera said no: another attempt changes nothing soon
SAID_NO = {Cause.UNAUTHORISED, Cause.UNSUPPORTED}


class Backoff:
    """The pauses of one stream.

    first, longest: seconds, for ordinary causes; where the camera said no (401, 403, a codec that
        we lack) they are 60 times and 20 times as long
    """

    def __init__(self, first: float, longest: float, random: Random | None = None) -> None:
        self._first = first
        self._longest = longest
        self._random = random or Random()
        self._failures = 0

    def pause(self, cause: Cause, steady_seconds: float) -> float:
        """Return the seconds to wait.

        steady_seconds: how long the connection that was lost had been live, 0 where none was made
        """
        if steady_seconds >= STEADY_SECONDS:
            self._failures = 0
        first, longest = self._first, self._longest
        if cause in SAID_NO:
            first, longest = first * PATIENT, max(longest * 20, first * PATIENT)
        pause = min(first * GROWTH ** min(self._failures, 30), longest)
        self._failures += 1
        return pause * (1 - JITTER * self._random.random())
