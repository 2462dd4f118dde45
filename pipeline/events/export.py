"""Events as CSV or JSON, in a file that appears when it is complete, or on standard output."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from detector.errors import UsageError
from pipeline.events.payload import as_text, event_json
from pipeline.events.record import EventRecord

_MOMENTS = ("start", "last", "end")
_MOMENT = ("time", "wall", "seconds", "pts")
_SIDES = ("x0", "y0", "x1", "y1")
COLUMNS = (
    *("uuid", "stream", "sequence", "kind", "class", "track", "score", *_SIDES),
    *("place", "direction", "cause", "time_base"),
    *(f"{moment}_{key}" for moment in _MOMENTS for key in _MOMENT),
    *("ended_by", "snapshot", "clip", "clip_state", "clip_reason"),
)


def write_events(events: Iterable[EventRecord], form: str, output: Path | None) -> None:
    """Write events; form: `csv` or `json`; output: None for standard output.

    Raises UsageError if the file cannot be written.
    """
    write = write_csv if form == "csv" else write_json
    if output is None:
        write(events, sys.stdout)
        return
    try:
        with _appearing(output) as file:
            write(events, file)
    except OSError as error:
        raise UsageError(f"--output: {output} cannot be written: {error.strerror}") from error


def write_csv(events: Iterable[EventRecord], file: TextIO) -> None:
    """Write a table with COLUMNS; what an event does not have is empty."""
    table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(_flat(event_json(event)) for event in events)


def write_json(events: Iterable[EventRecord], file: TextIO) -> None:
    """Write an array with one event on each line."""
    separator = "[\n"
    for event in events:
        file.write(separator + as_text(event_json(event)))
        separator = ",\n"
    file.write("[]\n" if separator == "[\n" else "\n]\n")


def _flat(form: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of an event."""
    row = {key: value for key, value in form.items() if key in COLUMNS}
    row |= dict(zip(_SIDES, form["box"] or (), strict=False))
    for moment in _MOMENTS:
        row |= {f"{moment}_{key}": value for key, value in (form[moment] or {}).items()}
    return row


@contextmanager
def _appearing(path: Path) -> Iterator[TextIO]:
    """Open a file that gets its name when it is complete; a pipe or device is opened as it is."""
    if path.exists() and not path.is_file():
        with path.open("w", encoding="utf-8", newline="") as file:
            yield file
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
