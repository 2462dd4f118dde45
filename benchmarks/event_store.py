"""python -m benchmarks.event_store: the store of events with a million events.

The events are loaded without the safety that a run has; everything that is measured has it: each
transaction is on the disk before it counts, and has a message for one transport.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import monotonic, sleep, time

import click
import numpy as np

from benchmarks.machine import cores
from benchmarks.result import Result
from detector.hardware.cpu import cpu_name
from pipeline.events.record import EventKind, EventRecord, Moment, Phase, new_uuid
from pipeline.store.changes import EventChange
from pipeline.store.database import FILE, open_to_write
from pipeline.store.event_log import EventLog
from pipeline.store.event_rows import COLUMNS, INSERT, NAMES, event_row
from pipeline.store.event_store import EventStore
from pipeline.store.outbox_writer import OutboxBounds
from pipeline.store.queries import EventFilter, EventReader, Position

BETWEEN = 3.0  # seconds from the start of one event to the start of the next
TRANSPORTS = {"hook": OutboxBounds(max_rows=2**31, max_bytes=2**40, max_seconds=1e9)}
GROUP = 500
PAGE = 50
COPIES = 20
ALONE_SECONDS = 5.0
PACE_SECONDS = 0.02  # between the events of a busy site
PAGES = 200  # of each kind of filter
WANTED_PAGE_MS = 50.0
KINDS = [EventKind.OBJECT] * 14 + [EventKind.ZONE] * 3 + [EventKind.LINE, EventKind.CAMERA]
CLASSES = ["person"] * 6 + ["car"] * 3 + ["dog"]
PLACES = ("yard", "gate", "street", "door")


@click.command()
@click.option("--events", type=click.IntRange(1000), default=1_000_000, show_default=True)
@click.option("--seconds", type=float, default=5.0, show_default=True, help="For each insert rate.")
def main(events: int, seconds: float) -> None:
    """Print rates of insertion, times of pages, and the waits of a writer during a prune."""
    click.echo(f"{cores()} cores of {cpu_name()}; {events} events")
    with TemporaryDirectory() as name:
        folder, began_at = Path(name), time() - events * BETWEEN
        _load(folder, events, began_at)
        size = (folder / FILE).stat().st_size
        click.echo(Result("size", f"{size / 1e6:.0f} MB, {size / events:.0f} bytes an event"))
        for result in (*_inserts(folder, seconds), *_pages(folder, events, began_at)):
            click.echo(result)
        for result in _prune(folder, events):
            click.echo(result)


def _events(began_at: float) -> Iterator[EventRecord]:
    """Yield events of 16 cameras, one every BETWEEN seconds."""
    random = Random(18)
    for number in count():
        kind = random.choice(KINDS)
        start = Moment(number * 90000, float(number), began_at + number * BETWEEN)
        end = replace(start, wall=start.wall + random.expovariate(0.1))
        event = EventRecord(f"camera-{random.randrange(16)}", kind, start, end=end)
        if kind is not EventKind.CAMERA:
            place = None if kind is EventKind.OBJECT else random.choice(PLACES)
            box = (10.0, 20.0, 110.5, 220.25)
            score = random.betavariate(8, 2)
            event = replace(
                event,
                class_name=random.choice(CLASSES),
                track=number,
                score=score,
                box=box,
                place=place,
            )
        yield replace(event, uuid=new_uuid())


def _load(folder: Path, events: int, began_at: float) -> None:
    """Store some events of ours, and copies of them at later times until there are enough."""
    share = events // COPIES
    with closing(open_to_write(folder)) as database:
        for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -400000"):
            database.connection.execute(f"PRAGMA {setting}")
        numbered = (
            event_row(replace(event, sequence=number))
            for number, event in enumerate(islice(_events(began_at), share), 1)
        )
        later = [f"{name} + :later" if name.endswith("_wall") else name for name in COLUMNS]
        later[COLUMNS.index("uuid")] = "lower(hex(randomblob(4))) || substr(uuid, 9)"
        later[COLUMNS.index("sequence")] = "sequence + :number"
        with database.transaction() as connection:
            connection.executemany(INSERT, numbered)
            for copy in range(1, COPIES):
                connection.execute(
                    f"INSERT INTO events ({NAMES}) SELECT {', '.join(later)} FROM events"
                    " WHERE id <= :share ORDER BY id",
                    {"later": copy * share * BETWEEN, "number": copy * share, "share": share},
                )
            connection.execute(
                "INSERT INTO streams SELECT stream, max(sequence) FROM events GROUP BY 1"
            )


def _inserts(folder: Path, seconds: float) -> Iterator[Result]:
    store = EventStore(folder, TRANSPORTS, now=time())
    source = _events(time())
    with closing(store):
        for size in (1, GROUP):
            began_at, stored = monotonic(), 0
            while monotonic() - began_at < seconds:
                group = [EventChange(event, Phase.END) for event in islice(source, size)]
                stored += len(store.write(group, (), (), time()))
            rate = stored / (monotonic() - began_at)
            yield Result(f"inserts, {size} in a transaction", f"{rate:.0f} events a second")


def _pages(folder: Path, events: int, began_at: float) -> Iterator[Result]:
    random = Random(1)

    def some_day() -> EventFilter:
        since = began_at + random.random() * events * BETWEEN
        return EventFilter(since=since, until=since + 86400.0)

    filters: dict[str, Callable[[], EventFilter]] = {
        "any event": EventFilter,
        "a day": some_day,
        "camera": lambda: EventFilter(stream=f"camera-{random.randrange(16)}"),
        "class": lambda: EventFilter(class_name=random.choice(CLASSES)),
        "zone": lambda: EventFilter(place=random.choice(PLACES)),
        "kind": lambda: EventFilter(kind=random.choice(KINDS)),
        "score of at least 0.95": lambda: EventFilter(min_score=0.95),
        "camera, class, score of at least 0.9": lambda: EventFilter(
            stream=f"camera-{random.randrange(16)}", class_name="dog", min_score=0.9
        ),
        "a score that no event has (worst case)": lambda: EventFilter(min_score=0.99999),
    }
    with closing(EventReader(folder)) as reader:
        for name, make in filters.items():
            took = []
            for _ in range(PAGES if "worst" not in name else 10):
                wanted, row = make(), random.randrange(1, events)
                after = Position(began_at + row * BETWEEN, row) if wanted.since is None else None
                asked_at = monotonic()
                reader.page(wanted, PAGE, after)
                took.append((monotonic() - asked_at) * 1000)
            p50, p95 = np.percentile(took, (50, 95))
            found = f"p50 {p50:.1f} ms, p95 {p95:.1f} ms"
            if "worst" in name:
                yield Result(f"page: {name}", found)
            else:
                wanted_text = f"p95 below {WANTED_PAGE_MS:.0f} ms"
                yield Result(f"page: {name}", found, wanted_text, bool(p95 < WANTED_PAGE_MS))


def _prune(folder: Path, events: int) -> Iterator[Result]:
    """Delete the older half in another process while a run stores events."""
    log = EventLog(folder, TRANSPORTS, group_seconds=0.0)
    source = _events(time())
    command = "from pipeline.commands.framelane import main; main()"
    line = [sys.executable, "-c", command, "events", "prune", "--folder", str(folder)]
    line += ["--older-than", f"{events * BETWEEN / 2:.0f}s"]
    with closing(log):
        began_at = monotonic()
        alone = _waits(log, source, lambda: monotonic() - began_at > ALONE_SECONDS)
        began_at = monotonic()
        with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as pruning:
            during = _waits(log, source, lambda: pruning.poll() is not None)
            assert pruning.stdout
            said = pruning.stdout.read().strip()
        took = monotonic() - began_at
    for name, waits in (("alone", alone), ("during prune", during)):
        p50, p95 = np.percentile(waits, (50, 95))
        found = f"p50 {p50:.1f} ms, p95 {p95:.1f} ms, longest {max(waits):.0f} ms"
        yield Result(f"a writer waits, {name}", found)
    yield Result("prune of half", f"{took:.0f} s: {said}; {log.figures.lost} changes lost")


def _waits(
    log: EventLog, source: Iterator[EventRecord], is_over: Callable[[], bool]
) -> list[float]:
    """Store some 40 events a second; return how long each took, in milliseconds."""
    waits = []
    while not is_over():
        put_at = monotonic()
        log.put(next(source), Phase.END)
        log.flush(60.0)
        waits.append((monotonic() - put_at) * 1000)
        sleep(PACE_SECONDS)
    return waits


if __name__ == "__main__":
    main()
