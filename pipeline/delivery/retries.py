"""How long a transport waits before it tries again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from pipeline.connections.status import Cause, Trouble

JITTER = 0.2  # a wait is longer by up to this share: many senders may have failed together
MINUTE, HOUR = 60.0, 3600.0
REJECTIONS = {Cause.UNAUTHORISED, Cause.UNSUPPORTED}  # a retry is unlikely to change them


class Undelivered(Exception):
    """A message was not delivered, or it is not known whether it was.

    whole: no message of this transport can be delivered now; else only this stream's
    retry_after: seconds that the receiver asks us to wait
    final: the receiver wants no more messages
    """

    def __init__(
        self,
        trouble: Trouble,
        *,
        whole: bool = True,
        retry_after: float | None = None,
        final: bool = False,
    ) -> None:
        super().__init__(str(trouble))
        self.trouble = trouble
        self.whole = whole
        self.retry_after = retry_after
        self.final = final


@dataclass(frozen=True)
class Schedule:
    """The waits in seconds after the first, second, third failure in a row; the last one repeats.

    rejected: after a failure that a retry is unlikely to change, such as a wrong password
    """

    waits: Sequence[float]
    rejected: Sequence[float]
    random: Random

    def wait(self, failures: int, error: Undelivered) -> float:
        """Return the seconds to wait; failures: in a row, this one included."""
        waits = self.rejected if error.trouble.cause in REJECTIONS else self.waits
        planned = waits[min(failures, len(waits)) - 1]
        return max(planned, error.retry_after or 0.0) * (1 + JITTER * self.random.random())


def connection_schedule() -> Schedule:
    """Return the waits for a connection that is lost, or a disk that is full."""
    return Schedule(
        (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, MINUTE), (MINUTE, 5 * MINUTE, 20 * MINUTE), Random()
    )


def webhook_schedule() -> Schedule:
    """Return the waits of Standard Webhooks 1.0, "Deliverability and reliability"."""
    hours = (HOUR / 2, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR)
    waits = (5.0, 5 * MINUTE, *hours)
    return Schedule(waits, waits, Random())
