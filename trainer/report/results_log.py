"""The results of a training by epoch, as a CSV file and for TensorBoard."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Sequence
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from detector.atomic_write import replacing
from trainer.training_state import Row

RESULTS, EVENTS = "results.csv", "tensorboard"
GROUPS = {  # column -> group of charts in TensorBoard
    "box": "loss",
    "objectness": "loss",
    "classification": "loss",
    "loss": "loss",
    "lr": "rates",
    "images_per_second": "rates",
}


class Results:
    """Writes the rows of a training to `results.csv` and to TensorBoard's event files.

    Both are written by the calling thread, so that it gets the error of a full disk.
    """

    def __init__(self, folder: Path, history: Sequence[Row]) -> None:
        """Continue after `history`; TensorBoard discards what a killed run logged after it."""
        self._table, self._events = folder / RESULTS, folder / EVENTS
        self._written = len(history)
        self._file: io.BufferedWriter | None = None

    def write(self, history: Sequence[Row]) -> None:
        """Write all rows as CSV, atomically, and the new rows as events."""
        if len(history) == self._written:
            return
        write_results(self._table, history)
        file = self._file = self._file or self._begin_events()
        for row in history[self._written :]:
            RecordWriter(file).write(_event(row).SerializeToString())
        file.flush()
        self._written = len(history)

    def _begin_events(self) -> io.BufferedWriter:
        """Open a new event file, because the last one may end within a record."""
        self._events.mkdir(parents=True, exist_ok=True)
        now = time.time()
        file = (self._events / f"events.out.tfevents.{time.time_ns()}").open("wb")
        start = SessionLog(status=SessionLog.START)  # drops all events from its step on
        for event in (
            Event(wall_time=now, file_version="brain.Event:2"),
            Event(wall_time=now, step=self._written + 1, session_log=start),
        ):
            RecordWriter(file).write(event.SerializeToString())
        return file

    def close(self) -> None:
        """Close TensorBoard's file."""
        if self._file:
            self._file.close()


def _event(row: Row) -> Event:
    values = [
        Summary.Value(tag=_tag(name), simple_value=value)
        for name, value in row.items()
        if value is not None and name != "epoch"
    ]
    return Event(wall_time=time.time(), step=int(row["epoch"] or 0), summary=Summary(value=values))


def _tag(column: str) -> str:
    return f"{GROUPS.get(column, 'accuracy')}/{column.replace('/', ' of ')}"


def write_results(path: Path, history: Sequence[Row]) -> None:
    """Write one line per epoch as CSV, atomically."""
    text = io.StringIO()
    columns = dict.fromkeys(
        column for row in history for column in row
    )  # newer versions have more columns
    writer = csv.DictWriter(text, fieldnames=list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    with replacing(path) as written:
        written.write_text(text.getvalue())


def read_results(path: Path) -> list[Row]:
    """Return the rows of a file that `write_results` wrote."""
    with path.open(newline="") as file:
        return [
            {name: float(value) if value else None for name, value in row.items()}
            for row in csv.DictReader(file)
        ]
