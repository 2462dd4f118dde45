"""How long a transport waits before it tries again."""

from __future__ import annotations

from random import Random

import pytest

from pipeline.connections.status import Cause, Trouble
from pipeline.delivery.retries import (
    JITTER,
    Schedule,
    Undelivered,
    connection_schedule,
    webhook_schedule,
)

MINUTE, HOUR = 60, 3600


class NoJitter(Random):
    """The least of all random numbers."""

    def random(self) -> float:
        return 0.0


def error(cause: Cause = Cause.REFUSED, retry_after: float | None = None) -> Undelivered:
    return Undelivered(Trouble(cause), retry_after=retry_after)


def test_a_webhook_is_tried_again_as_standard_webhooks_says() -> None:
    schedule = Schedule(webhook_schedule().waits, webhook_schedule().rejected, NoJitter())
    waits = [schedule.wait(failures, error()) for failures in range(1, 11)]
    hours = [0.5, 2, 5, 10, 14, 20, 24, 24]
    assert waits == [5, 5 * MINUTE, *(hour * HOUR for hour in hours)]


def test_a_wait_is_never_shorter_than_planned_and_at_most_a_fifth_longer() -> None:
    schedule = Schedule((10.0,), (10.0,), Random(1))
    waits = [schedule.wait(1, error()) for _ in range(200)]
    assert min(waits) >= 10
    assert max(waits) <= 10 * (1 + JITTER) == 12
    assert max(waits) - min(waits) > 1


@pytest.mark.parametrize(("retry_after", "expected"), [(60.0, 60.0), (1.0, 5.0), (None, 5.0)])
def test_retry_after_lengthens_a_wait_and_never_shortens_it(
    retry_after: float | None, expected: float
) -> None:
    schedule = Schedule((5.0,), (5.0,), NoJitter())
    assert schedule.wait(1, error(retry_after=retry_after)) == expected


def test_a_connection_is_tried_again_soon_but_a_refused_password_rarely() -> None:
    schedule = connection_schedule()
    assert schedule.wait(1, error()) <= 1.2
    assert 60 <= schedule.wait(100, error()) <= 72
    assert schedule.wait(1, error(Cause.UNAUTHORISED)) >= 60
    assert schedule.wait(100, error(Cause.UNAUTHORISED)) >= 1200
