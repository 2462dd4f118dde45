"""Scores as tables on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from detector.int8.quantize import Quantised
    from trainer.evaluation.average_precision import Report, Score


def print_scores(console: Console, title: str, report: Report) -> None:
    """Print the scores as a table: over all images, then per clip."""
    table = Table(title=title)
    table.add_column("images of")
    table.add_column("class")
    for name in ("objects", "AP50", "AP75", "AP", "AR"):
        table.add_column(name, justify="right")
    for name, score in report.classes.items():
        table.add_row("all", name, *_cells(score))
    table.add_row("all", "mean", *_cells(report.mean), end_section=True)
    for clip, classes in report.clips.items():
        for name, score in classes.items():
            table.add_row(clip, name, *_cells(score))
    console.print(table)
    sizes = {"small": "ap_small", "medium": "ap_medium", "large": "ap_large"}
    of_size = {name: report.numbers.get(metric) for name, metric in sizes.items()}
    parts = [f"{name} {value:.3f}" for name, value in of_size.items() if value is not None]
    console.print(f"AP of objects by size: {', '.join(parts) or '-'}", highlight=False)


def print_lost(console: Console, made: Sequence[Quantised]) -> None:
    """Print the AP50 of a model and of its INT8 models, by class."""
    table = Table(title="AP50")
    table.add_column("class")
    for name in ("float", *(one.runtime for one in made)):
        table.add_column(name, justify="right")
    numbers = [one.manifest.accuracy for one in made]
    for name in [name for name in numbers[0] if name.startswith("ap50")]:
        values = [numbers[0][f"float/{name}"], *(each[name] for each in numbers)]
        row = (name.partition("/")[2] or "mean", *(f"{value:.4f}" for value in values))
        table.add_row(*row)
    console.print(table)


def _cells(score: Score) -> tuple[str, ...]:
    values = (score.ap50, score.ap75, score.ap, score.ar)
    return str(score.objects), *("-" if value is None else f"{value:.3f}" for value in values)
