"""Results are a table and curves, and both go on where a training goes on."""

from __future__ import annotations

import io
from contextlib import closing
from pathlib import Path

import numpy as np
from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from trainer.console import Display
from trainer.report.results_log import Results, read_results
from trainer.training_state import Row


def row(epoch: int, ap: float | None = None) -> Row:
    return {"epoch": epoch, "loss": 1 / epoch, "lr": 0.01, "ap": ap, "ap50/red": ap}


def shown(folder: Path, tag: str) -> list[tuple[int, float]]:
    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars(tag)]


def write(folder: Path, history: list[Row], done: int = 0) -> None:
    with closing(Results(folder, history[:done])) as results:
        for count in range(done + 1, len(history) + 1):
            results.write(history[:count])


HISTORY = [row(1), row(2, 0.5), row(3), row(4, 0.75)]


def test_tensorboard_shows_every_epoch_and_what_was_not_measured_is_left_out(
    tmp_path: Path,
) -> None:
    write(tmp_path, HISTORY)
    losses = shown(tmp_path, "loss/loss")
    np.testing.assert_allclose(losses, [(1, 1), (2, 0.5), (3, 1 / 3), (4, 0.25)])
    assert shown(tmp_path, "accuracy/ap50 of red") == [(2, 0.5), (4, 0.75)]
    assert [step for step, _ in shown(tmp_path, "rates/lr")] == [1, 2, 3, 4]


def test_what_a_killed_training_showed_of_later_epochs_is_taken_back(tmp_path: Path) -> None:
    write(tmp_path, [*HISTORY[:2], row(3, 0.1)])
    write(tmp_path, HISTORY, done=2)
    assert shown(tmp_path, "accuracy/ap") == [(2, 0.5), (4, 0.75)]


def test_the_table_is_read_as_it_was_written_also_with_columns_that_came_later(
    tmp_path: Path,
) -> None:
    later = HISTORY[3] | {"ar": 0.5}
    write(tmp_path, [*HISTORY[:3], later])
    expected = [{**each, "ar": None} for each in HISTORY[:3]]
    assert read_results(tmp_path / "results.csv") == [*expected, later]


def test_the_bar_tells_losses_rate_memory_and_time_left() -> None:
    file = io.StringIO()
    display = Display(Console(file=file, force_terminal=True, width=160), epochs=3)
    with closing(display):
        display.epoch_begins(1, 2, 10)
        display.batches_done(3, (0.1, 0.2, 0.3, 0.6), 12.34, 5_600_000_000)
    text = file.getvalue()
    assert "epoch 2/3" in text and "5/10" in text
    assert "loss 0.600 (0.100 0.200 0.300)  12.3 images/s  5.6 GB  0:00:00 left" in text
