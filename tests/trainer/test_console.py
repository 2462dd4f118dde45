"""The progress bar of a training shows losses, speed, memory and the time left."""

from __future__ import annotations

import io
from contextlib import closing

from rich.console import Console

from trainer.console import Display


def test_the_bar_shows_losses_rate_memory_and_time_left() -> None:
    """3 of the epoch's batches took 12 seconds; 5 of 10 are left, and 10 of the last epoch."""
    file, times = io.StringIO(), iter((100.0, 112.0))
    console = Console(file=file, force_terminal=True, width=160)
    display = Display(console, epochs=3, clock=lambda: next(times))
    with closing(display):
        display.epoch_begins(1, 2, 10)
        display.batches_done(3, (0.1, 0.2, 0.3, 0.6), 12.34, 5_600_000_000)
    text = file.getvalue()
    assert "epoch 2/3" in text and "5/10" in text
    assert "loss 0.600 (0.100 0.200 0.300)  12.3 images/s  5.6 GB  0:01:00 left" in text
