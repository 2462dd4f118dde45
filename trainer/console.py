"""Progress of a training on the terminal: a bar during an epoch, one line after it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from trainer.training_state import Row


class Display:
    """Shows bars and lines on a terminal; if the output is no terminal, only lines."""

    def __init__(
        self, console: Console, epochs: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console
        self._epochs = epochs
        self._clock = clock
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def note(self, line: str) -> None:
        """Print a line about the setup of the training."""
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def epoch_begins(self, epoch: int, done: int, batches: int) -> None:
        """Start the bar of an epoch, at `done` batches if it is resumed."""
        self._bar.start()
        self._later_batches = batches * (self._epochs - epoch - 1)  # of later epochs
        self._began, self._done, self._resumed_at = self._clock(), done, done
        self._batches = batches
        description = f"epoch {epoch + 1}/{self._epochs}"
        self._task = self._bar.add_task(description, total=batches, completed=done, state="")

    def batches_done(
        self, count: int, parts: Sequence[float], images_per_second: float, memory: int
    ) -> None:
        """Move the bar by `count` batches.

        parts: the box, objectness and class terms of the loss, and their sum; means over the epoch
            so far
        memory: peak, in bytes
        """
        self._done += count
        box, objectness, classification, total = parts
        state = (
            f"loss {total:.3f} ({box:.3f} {objectness:.3f} {classification:.3f})  "
            f"{images_per_second:.1f} images/s  {memory / 1e9:.1f} GB  {self._time_left()} left"
        )
        self._bar.update(self._task, advance=count, state=state)

    def _time_left(self) -> str:
        """Return the estimated time to the end of the training, evaluations not included."""
        per_batch = (self._clock() - self._began) / (self._done - self._resumed_at)
        left = self._batches - self._done + self._later_batches
        return str(timedelta(seconds=round(per_batch * left)))

    def epoch_ends(self, row: Row) -> None:
        """Remove the bar, and print the line of an epoch."""
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
        """Restore the terminal."""
        self._bar.stop()
