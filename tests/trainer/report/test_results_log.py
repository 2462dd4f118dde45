"""Results are a CSV file and TensorBoard events; both continue when a training is resumed."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

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


def test_tensorboard_shows_every_epoch_without_missing_values(
    tmp_path: Path,
) -> None:
    write(tmp_path, HISTORY)
    losses = shown(tmp_path, "loss/loss")
    np.testing.assert_allclose(losses, [(1, 1), (2, 0.5), (3, 1 / 3), (4, 0.25)])
    assert shown(tmp_path, "accuracy/ap50 of red") == [(2, 0.5), (4, 0.75)]
    assert [step for step, _ in shown(tmp_path, "rates/lr")] == [1, 2, 3, 4]


def test_a_resumed_training_replaces_later_epochs_of_a_killed_one(tmp_path: Path) -> None:
    write(tmp_path, [*HISTORY[:2], row(3, 0.1)])
    write(tmp_path, HISTORY, done=2)
    assert shown(tmp_path, "accuracy/ap") == [(2, 0.5), (4, 0.75)]


def test_a_table_with_later_columns_is_read_as_written(
    tmp_path: Path,
) -> None:
    later = HISTORY[3] | {"ar": 0.5}
    write(tmp_path, [*HISTORY[:3], later])
    expected = [{**each, "ar": None} for each in HISTORY[:3]]
    assert read_results(tmp_path / "results.csv") == [*expected, later]
