"""What the cameras show: a synthetic street that is quiet most of each minute, or real clips."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path

from benchmarks.attention.calm_street import CalmStreet
from benchmarks.cameras.clip import Clip, make_clip
from benchmarks.cameras.real_clips import STREET, find_data, pets_clip, street_clip
from pipeline.sources.street.labelled_clip import truth_lines
from tests.support.cameras import FPS
from tests.support.paths import ROOT
from trackers.motchallenge.text import read_mot

SECONDS = 60  # of the synthetic street: one busy part
SEED = 5
FOLDER = Path(ROOT, "build", "bench", "cameras")


def _synthetic(width: int, height: int) -> list[Clip]:
    street = CalmStreet(SEED, (width, height), period=SECONDS)
    frames = range(SECONDS * FPS)
    units, truth = (FOLDER / f"{width}x{height}.{kind}" for kind in ("units", "txt"))
    if not units.is_file():
        FOLDER.mkdir(parents=True, exist_ok=True)
        truth.write_text("".join(line for k in frames for line in truth_lines(street, k)))
    drawn = map(street.draw, frames)
    return [make_clip(units, Fraction(FPS), drawn, read_mot(truth, with_classes=True))]


def _real() -> list[Clip]:
    data = find_data()
    return [*(street_clip(name, data, FOLDER) for name in STREET), pets_clip(data, FOLDER)]


MATERIALS: Mapping[str, Callable[[], Sequence[Clip]]] = {  # clips that the cameras take in turn
    "768x432": partial(_synthetic, 768, 432),
    "1920x1080": partial(_synthetic, 1920, 1080),
    "clips": _real,
}
