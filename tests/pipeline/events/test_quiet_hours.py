"""Quiet hours by the local clock: over midnight, and when the clock changes."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from pipeline.events.quiet_hours import is_quiet, parse_quiet_hours


def utc(text: str) -> float:
    """Return seconds since 1970 of `2026-03-29 01:00` in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()


@pytest.mark.parametrize(
    ("hours", "moment", "quiet"),
    [
        # winter: UTC+1
        ("22:00-06:00", "2026-01-10 20:59:59", False),
        ("22:00-06:00", "2026-01-10 21:00", True),
        ("22:00-06:00", "2026-01-10 23:30", True),
        ("22:00-06:00", "2026-01-11 04:59:59", True),
        ("22:00-06:00", "2026-01-11 05:00", False),
        ("12:30-13:00", "2026-01-10 11:30", True),
        ("12:30-13:00", "2026-01-10 12:00", False),
        ("00:00-23:59", "2026-01-10 22:59:30", False),
        # summer: UTC+2
        ("22:00-06:00", "2026-07-10 20:00", True),
        ("22:00-06:00", "2026-07-11 04:00", False),
        # the night in which 02:00 is followed by 03:00: at 01:00 UTC
        ("22:00-03:00", "2026-03-29 00:59:59", True),
        ("22:00-03:00", "2026-03-29 01:00", False),
        ("02:15-02:45", "2026-03-29 01:00", False),
        # the night in which 02:00 to 03:00 comes twice: from 00:00 and from 01:00 UTC
        ("22:00-02:30", "2026-10-25 00:29:59", True),
        ("22:00-02:30", "2026-10-25 00:30", False),
        ("22:00-02:30", "2026-10-25 01:29:59", True),
        ("22:00-02:30", "2026-10-25 01:30", False),
    ],
)
def test_hours_are_those_of_the_local_clock(
    local_time: None, hours: str, moment: str, quiet: bool
) -> None:
    assert is_quiet([parse_quiet_hours(hours)], utc(moment)) is quiet


def test_a_quiet_night_lasts_an_hour_less_or_more_when_the_clock_changes(local_time: None) -> None:
    night = [parse_quiet_hours("22:00-06:00")]

    def quiet_minutes(day: str) -> int:
        noon = datetime.fromisoformat(f"{day} 11:00").replace(tzinfo=timezone.utc)
        return sum(
            is_quiet(night, (noon + timedelta(minutes=k)).timestamp()) for k in range(24 * 60)
        )

    days = ["2026-03-28", "2026-06-01", "2026-10-24"]
    assert [quiet_minutes(day) for day in days] == [7 * 60, 8 * 60, 9 * 60]


def test_of_several_periods_each_is_quiet(local_time: None) -> None:
    periods = [parse_quiet_hours("22:00-06:00"), parse_quiet_hours("12:00-13:00")]
    assert is_quiet(periods, utc("2026-01-10 11:30"))
    assert is_quiet(periods, utc("2026-01-10 02:00"))
    assert not is_quiet(periods, utc("2026-01-10 15:00"))
    assert not is_quiet([], utc("2026-01-10 02:00"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("22-6", "HH:MM-HH:MM is expected"),
        ("22:00 - 06:00", "HH:MM-HH:MM is expected"),
        ("24:00-06:00", "from 00:00 to 23:59"),
        ("22:00-06:60", "from 00:00 to 23:59"),
        ("06:00-06:00", "the same"),
    ],
)
def test_other_text_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_quiet_hours(text)
