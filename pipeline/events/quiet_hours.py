"""Hours of the day in which no events are noted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer
from pydantic_core import PydanticCustomError

_PERIOD = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A time of every day, by the local time of the machine; it may pass midnight.

    begin: the first quiet minute; end: the first one after it
    """

    begin: time
    end: time

    def cover(self, wall: float) -> bool:
        """Return whether a moment, in seconds since 1970, is quiet.

        An hour that a clock change repeats is quiet both times.
        """
        now = datetime.fromtimestamp(wall).time()
        if self.begin < self.end:
            return self.begin <= now < self.end
        return now >= self.begin or now < self.end

    def __str__(self) -> str:
        return f"{self.begin:%H:%M}-{self.end:%H:%M}"


def parse_quiet_hours(text: str) -> QuietHours:
    """Return the hours in `22:00-06:00`; raises ValueError for anything else."""
    if not (parts := _PERIOD.fullmatch(text)):
        raise ValueError("HH:MM-HH:MM is expected, such as '22:00-06:00'")
    first_hour, first_minute, last_hour, last_minute = map(int, parts.groups())
    try:
        hours = QuietHours(time(first_hour, first_minute), time(last_hour, last_minute))
    except ValueError:
        raise ValueError("times from 00:00 to 23:59 are expected") from None
    if hours.begin == hours.end:
        raise ValueError("begin and end are the same: give two different times")
    return hours


def is_quiet(periods: Sequence[QuietHours], wall: float) -> bool:
    """Return whether one of the periods covers a moment, in seconds since 1970."""
    return any(period.cover(wall) for period in periods)


def _validated(value: Any) -> QuietHours:
    if isinstance(value, QuietHours):
        return value
    if not isinstance(value, str):  # YAML 1.1 reads an unquoted 22:00 as a number
        raise PydanticCustomError("quiet_hours", "text is expected: put it in quotes")
    try:
        return parse_quiet_hours(value)
    except ValueError as error:
        raise PydanticCustomError("quiet_hours", "{why}", {"why": str(error)}) from None


QuietHoursText = Annotated[QuietHours, BeforeValidator(_validated), PlainSerializer(str)]
