"""Exponential backoff with jitter: how long to wait before the next attempt to connect."""

from __future__ import annotations

from random import Random

from pipeline.connections.status import Cause

GROWTH = 2.0
JITTER = 0.5  # the random share of a pause: many cameras may fail at the same moment
STEADY_SECONDS = 10.0  # a connection that lasted this long resets the pauses
REJECTED_FIRST = 60  # factors of the pauses after a rejection, which a retry is unlikely to change
REJECTED_MAX = 20
REJECTIONS = {Cause.UNAUTHORISED, Cause.UNSUPPORTED}


class Backoff:
    """The pauses of one stream.

    first, maximum: seconds; after a rejection (401, 403, a codec that we lack) the first pause is
        60 times and the maximum 20 times as long
    """

    def __init__(self, first: float, maximum: float, random: Random | None = None) -> None:
        self._first = first
        self._maximum = maximum
        self._random = random or Random()
        self._failures = 0

    def pause(self, cause: Cause, steady_seconds: float) -> float:
        """Return the seconds to wait.

        steady_seconds: how long the lost connection had been live, 0 if none was made
        """
        if steady_seconds >= STEADY_SECONDS:
            self._failures = 0
        first, maximum = self._first, self._maximum
        if cause in REJECTIONS:
            first *= REJECTED_FIRST
            maximum = max(maximum * REJECTED_MAX, first)
        pause = min(first * GROWTH ** min(self._failures, 30), maximum)
        self._failures += 1
        return pause * (1 - JITTER * self._random.random())
