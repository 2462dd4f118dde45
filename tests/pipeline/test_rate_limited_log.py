"""Lines of one kind are logged once a minute, with the number of those suppressed in between."""

from __future__ import annotations

import logging

import pytest

from pipeline.rate_limited_log import PERIOD_SECONDS, RateLimitedLog


def test_lines_of_one_kind_are_logged_once_a_minute_with_the_number_suppressed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = 0.0
    log = RateLimitedLog("door", clock=lambda: now)
    for line in ("lost 1", "lost 2", "lost 3"):
        log.log(logging.WARNING, line, "lost")
    log.log(logging.WARNING, "full", "disk")
    now = PERIOD_SECONDS
    log.log(logging.WARNING, "lost 4", "lost")
    now = 2 * PERIOD_SECONDS
    log.log(logging.WARNING, "lost 5", "lost")
    assert caplog.messages == [
        "door: lost 1",
        "door: full",
        "door: lost 4 (2 more since)",
        "door: lost 5",
    ]
