"""What a person sees of a training: a bar while an epoch runs, one line when it is over."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from detector.atomic import replacing
from trainer.state import Row


class Display:
    """Progress of a training on a terminal; elsewhere only the lines."""

    def __init__(self, console: Console, epochs: int) -> None:
        self._console = console
        self._epochs = epochs
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]:.3f}  {task.fields[rate]:.1f} images/s"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def note(self, line: str) -> None:
        """Print a line about how the training is set up."""
        self._console.print(line, highlight=False, soft_wrap=True)

    def epoch_begins(self, epoch: int, done: int, batches: int) -> None:
        """Start the bar of an epoch of which `done` batches were made before."""
        self._bar.start()
        description = f"epoch {epoch + 1}/{self._epochs}"
        self._task = self._bar.add_task(
            description, total=batches, completed=done, loss=float("nan"), rate=0.0
        )

    def batches_done(self, count: int, loss: float, images_per_second: float) -> None:
        """Move the bar by `count` batches."""
        self._bar.update(self._task, advance=count, loss=loss, rate=images_per_second)

    def epoch_ends(self, row: Row) -> None:
        """Print the line of an epoch."""
        self._bar.remove_task(self._task)
        accuracy = "" if row["ap50"] is None else f"  AP {row['ap']:.3f}  AP50 {row['ap50']:.3f}"
        self._console.print(
            f"epoch {row['epoch']:.0f}/{self._epochs}  loss {row['loss']:.4f} "
            f"(box {row['box']:.4f}, objectness {row['objectness']:.4f}, "
            f"class {row['classification']:.4f})  "
            f"{row['images_per_second']:.1f} images/s{accuracy}",
            highlight=False,
            soft_wrap=True,
        )

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._bar.stop()


def write_results(path: Path, history: Sequence[Row]) -> None:
    """Write one line per epoch as CSV, whole or not at all."""
    text = io.StringIO()
    columns = dict.fromkeys(column for row in history for column in row)  # later versions have more
    writer = csv.DictWriter(text, fieldnames=list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    with replacing(path) as written:
        written.write_text(text.getvalue())
