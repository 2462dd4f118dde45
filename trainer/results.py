"""The results of a training by epoch, as a table on disk and as curves for TensorBoard."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from detector.atomic import replacing
from trainer.state import Row

RESULTS, EVENTS = "results.csv", "tensorboard"
GROUPS = {  # column -> what TensorBoard shows it with
    "box": "loss",
    "objectness": "loss",
    "classification": "loss",
    "loss": "loss",
    "lr": "rates",
    "images_per_second": "rates",
}


class Results:
    """Writes the rows of a training to `results.csv` and to TensorBoard's files, as they come."""

    def __init__(self, folder: Path, history: Sequence[Row]) -> None:
        """Go on after `history`: what was shown of later epochs, before a kill, is taken back."""
        self._path = folder / RESULTS
        self._shown = len(history)
        self._events = SummaryWriter(folder / EVENTS, purge_step=len(history) + 1)

    def write(self, history: Sequence[Row]) -> None:
        """Write all rows as CSV, whole or not at all, and those that are new as events."""
        if history:
            write_results(self._path, history)
        for row in history[self._shown :]:
            for name, value in row.items():
                if value is not None and name != "epoch":
                    tag = f"{GROUPS.get(name, 'accuracy')}/{name.replace('/', ' of ')}"
                    self._events.add_scalar(tag, value, int(row["epoch"] or 0))
        self._shown = len(history)
        self._events.flush()

    def close(self) -> None:
        """End the files of TensorBoard; what the disk has no room for was answered before."""
        with suppress(OSError):
            self._events.close()


def write_results(path: Path, history: Sequence[Row]) -> None:
    """Write one line per epoch as CSV, whole or not at all."""
    text = io.StringIO()
    columns = dict.fromkeys(column for row in history for column in row)  # later versions have more
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
