"""A program that stores events and delivers them to a webhook, until it is killed.

Arguments: folder of the events, URL, secret, and how many events. It prints camera and UUID of
each event that is stored, and `done` when all are delivered.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from random import Random

from pipeline.delivery.deliverer import Deliverer
from pipeline.delivery.retries import Schedule
from pipeline.delivery.webhook import Webhook
from pipeline.events.record import Phase
from pipeline.store.event_log import EventLog
from pipeline.store.outbox import Outbox
from pipeline.store.outbox_writer import OutboxBounds
from tests.support.cameras import CAP
from tests.support.deliveries import an_event

NAME = "hook"
GROUP = 5  # events that are stored together


@dataclass(frozen=True)
class Arguments:
    """What the command line says."""

    folder: Path
    url: str
    secret: str
    count: int


def main(given: Arguments) -> None:
    """Store events, tell of them, and wait until they are delivered."""
    log = EventLog(given.folder, {NAME: OutboxBounds()})
    outbox = Outbox(given.folder, log)
    soon = Schedule((0.01,), (0.01,), Random())
    webhook = Webhook(given.url, given.folder, soon, secret=given.secret)
    deliverer = Deliverer(NAME, "https://", webhook, outbox)
    log.on_committed(lambda _: deliverer.wake())
    deliverer.start()
    for start in range(0, given.count, GROUP):
        records = [an_event(f"camera{number % 2}", 0) for number in range(start, start + GROUP)]
        for record in records:
            log.put(record, Phase.START)
        assert log.flush(CAP)
        for record in records:
            print(record.stream, record.uuid, flush=True)
    while deliverer.figures()["pending"]:
        deliverer.join(0.02)  # it goes on
    deliverer.interrupt()
    deliverer.join(CAP)
    log.close()
    outbox.close()
    print("done", flush=True)


if __name__ == "__main__":
    folder, url, secret, count = sys.argv[1:]
    main(Arguments(Path(folder), url, secret, int(count)))
