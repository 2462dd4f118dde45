"""python -m benchmarks.trackers.choose: what the options of `lane` were chosen by, all of it.

Every tracker with its defaults on every kind of sequence, with and without camera motion, on the
half that options were chosen on and on the half that is only reported (split.py says which).
With --ablations, `lane` without each of its ideas in turn, on the first half.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial, reduce
from operator import add
from statistics import mean

import click

from benchmarks.trackers.split import CHOSEN_ON, REPORTED, sequences
from detector.detections import Float32Array
from tests.support.labelled_sequences import LabelledSequence
from trackers import make_tracker
from trackers.base.agile_motion import AgileWidthHeight
from trackers.base.agile_table import AgileTable
from trackers.base.box_motion import POSITION
from trackers.evaluation.evaluate import Scores
from trackers.lane import Lane
from trackers.motchallenge.frame_choice import FrameChoice
from trackers.tracks import Tracker

TRACKERS = ("lane", "bytetrack", "ocsort", "sort")
ALL_FRAMES, EVERY_THIRD = FrameChoice(), FrameChoice(keep_every=3)

Make = Callable[[], Tracker]


class EqualNoise(Lane):
    """Lane with BoT-SORT's measurement noise for all detections."""

    @staticmethod
    def _make_motion() -> AgileWidthHeight:
        return AgileWidthHeight(sure_std=POSITION, unsure_std=0.0, pixel_std=0.0)


class NoPixels(Lane):
    """Lane with measurement noise that is a share of the box's size, however small that is."""

    @staticmethod
    def _make_motion() -> AgileWidthHeight:
        return AgileWidthHeight(pixel_std=0.0)


class NoAdaptation(Lane):
    """Lane with the same process noise for all tracks."""

    @staticmethod
    def _make_motion() -> AgileWidthHeight:
        return AgileWidthHeight(adaptation=0.0)


class NoSlowCredit(Lane):
    """Lane with the same costs at every rate of frames."""

    @staticmethod
    def _slow_credit(elapsed: float) -> float:
        return 0.0


class Filtered(Lane):
    """Lane that returns the filtered boxes."""

    def _output_boxes(self, tracks: AgileTable, boxes: Float32Array) -> Float32Array:
        return boxes


ABLATIONS: Mapping[str, Make] = {
    "lane": Lane,
    "without noise by score": EqualNoise,
    "without noise in pixels": NoPixels,
    "without noise by track": NoAdaptation,
    "without heights": partial(Lane, height_weight=0.0),
    "without feet": partial(Lane, foot_weight=0.0),
    "without expected scores": partial(Lane, score_weight=0.0),
    "without expansion by time": partial(Lane, reach=0.0),
    "without lower costs below 13 fps": NoSlowCredit,
    "filtered boxes returned": Filtered,
    "low scores find no lost tracks": partial(Lane, low_score_seconds=0.0),
    "low scores find all lost tracks": partial(Lane, low_score_seconds=10.0),
    "hidden tracks not returned": partial(Lane, hidden_seconds=0.0),
}


def score(
    make: Make, sequence: LabelledSequence, choice: FrameChoice, *, with_camera: bool
) -> Scores:
    """Return how well a new tracker does on the chosen frames of a sequence."""
    first, last = int(sequence.frames[0]), int(sequence.frames[-1])
    frames = choice.of(sequence.name, last)
    return sequence.scores(
        make(),
        frames[frames >= first],
        sequence.frame_rate,
        with_camera=with_camera,
    )


def cell(scores: Sequence[Scores]) -> str:
    """Return mean HOTA of the sequences, and MOTA, IDF1 and switches of all their boxes."""
    whole = reduce(add, scores)
    return (
        f"{100 * mean(s.hota.hota for s in scores):>7.2f}{100 * whole.clear.mota:>7.2f}"
        f"{100 * whole.identity.idf1:>7.2f}{whole.clear.switches:>5}"
    )


def table(title: str, split: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield a line per kind of sequence, with and without camera motion, and every 3rd frame."""
    yield f"{title:<24}" + "".join(f"{name:>26}" for name in TRACKERS)
    yield f"{'':<24}" + f"{'HOTA   MOTA   IDF1 IDsw':>26}" * len(TRACKERS)
    for kind, names in split.items():
        found = sequences(kind, names)
        if not found:
            continue
        ways = [("", False, ALL_FRAMES), (", every 3rd", False, EVERY_THIRD)]
        if any(s.camera for s in found):
            ways.insert(1, (", camera", True, ALL_FRAMES))
        for way, with_camera, choice in ways:
            columns = (
                cell(
                    [
                        score(partial(make_tracker, name), s, choice, with_camera=with_camera)
                        for s in found
                    ]
                )
                for name in TRACKERS
            )
            yield f"{kind + way:<24}" + "".join(columns)


def ablations(split: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield a line per idea that `lane` is left without: mean HOTA and switches of each kind."""
    kinds = {kind: sequences(kind, names) for kind, names in split.items() if names}
    ways = [(kind, found, False) for kind, found in kinds.items()]
    ways.insert(1, ("mot17, camera", kinds["mot17"], True))
    yield f"{'':<34}" + "".join(f"{kind:>15}" for kind, *_ in ways)
    for name, make in ABLATIONS.items():
        line = f"{name:<34}"
        for _, found, with_camera in ways:
            scores = [score(make, s, ALL_FRAMES, with_camera=with_camera) for s in found]
            switches = sum(s.clear.switches for s in scores)
            line += f"{100 * mean(s.hota.hota for s in scores):>10.2f}{switches:>5}"
        yield line


@click.command()
@click.option("--ablations", "ablated", is_flag=True, help="`lane` without each of its ideas.")
def main(*, ablated: bool) -> None:
    """Print the scores that the options of `lane` were chosen by."""
    if ablated:
        for line in ablations(CHOSEN_ON):
            click.echo(line)
        return
    for title, split in (("chosen on", CHOSEN_ON), ("reported", REPORTED)):
        for line in table(title, split):
            click.echo(line)
        click.echo()


if __name__ == "__main__":
    main()
