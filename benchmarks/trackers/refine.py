"""python -m benchmarks.trackers.refine: refined tracks beside those of the tracker alone.

On MOT15, on PETS with the detections of two detectors, and on the street clips with those of the
bundled model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

import av
import click
import numpy as np

from benchmarks.trackers.data import find_data
from pipeline.assembly.run import build
from pipeline.config import RunConfig
from tests.support.labelled_sequences import LabelledSequence, mot15, pets09
from trackers import make_tracker
from trackers.evaluation.evaluate import Scores, evaluate
from trackers.evaluation.ignore_regions import IgnoreRegions, read_ignore, without_ignored
from trackers.motchallenge.history import History
from trackers.motchallenge.text import MotRows, read_mot
from trackers.refinement.both_ways import completed
from trackers.refinement.links import linked
from trackers.refinement.refine import refined
from trackers.refinement.tracklets import Tracklets
from trackers.tracks import Tracker

CONFIDENCE = 0.1  # of detections that trackers get, as in a run


@dataclass(frozen=True)
class Labelled:
    """A sequence, and the regions in which nothing counts."""

    sequence: LabelledSequence
    ignored: IgnoreRegions | None = None

    @property
    def history(self) -> History:
        """What a tracker gets."""
        each = self.sequence
        return History.of(each.detections, each.frames, each.frame_rate)

    def scores(self, rows: MotRows) -> Scores:
        """Return the scores of tracks."""
        if self.ignored:
            rows = without_ignored(self.sequence.truth, rows, self.ignored)
        return reduce(add, evaluate(self.sequence.truth, rows, self.sequence.rules).values())


def _lane() -> Tracker:
    return make_tracker("lane")


def _both_ways(history: History) -> Tracklets:
    forward, backward = history.tracked(_lane()), history.tracked_backwards(_lane())
    seconds = history.seconds_of(forward.frames), history.seconds_of(backward.frames)
    return completed(forward, backward, *seconds)


def _linked(history: History) -> Tracklets:
    both = _both_ways(history)
    return linked(both, history.seconds_of(both.result.rows.frames))


WAYS: Mapping[str, Callable[[History], MotRows]] = {
    "`lane`": lambda history: history.tracked(_lane()),
    "and backwards": lambda history: _both_ways(history).result.rows,
    "and linked": lambda history: _linked(history).result.rows,
    "and smoothed: `--refine`": lambda history: refined(history, _lane).rows,
}


def street(data: Path, scratch: Path) -> list[Labelled]:
    """Return the street clips with the detections of the bundled model."""
    return [_detected(video, scratch) for video in sorted((data / "street/videos").glob("*.mp4"))]


def _detected(video: Path, scratch: Path) -> Labelled:
    output = scratch / f"{video.stem}.txt"
    run = build(
        RunConfig.model_validate(
            {
                "sources": [str(video)],
                "outputs": [str(output)],
                "tracker": "none",
                "detect": {"conf": CONFIDENCE},
            }
        )
    )
    run.pipeline.start()
    run.pipeline.join()
    if run.pipeline.failures:
        raise click.ClickException(f"{video}: {run.pipeline.failures[0]}")
    with av.open(str(video)) as container:
        rate = float(container.streams.video[0].average_rate or 25)
    frames = np.arange(1, run.pipeline.ledger.balances[run.streams[0].name].decoded + 1)
    labels = video.parents[1]
    truth = read_mot(labels / "gt" / f"{video.stem}.txt", with_classes=True)
    found = read_mot(output, with_classes=True)
    sequence = LabelledSequence(video.stem, rate, frames, found, truth, "classes")
    return Labelled(sequence, read_ignore(labels / "ignore" / f"{video.stem}.txt"))


def cell(labelled: Sequence[Labelled], way: Callable[[History], MotRows]) -> str:
    """Return mean HOTA, then MOTA, IDF1 and switches over all boxes."""
    scores = [each.scores(way(each.history)) for each in labelled]
    total = reduce(add, scores)
    hota = mean(each.hota.hota for each in scores)
    return (
        f"{100 * hota:.1f}, {100 * total.clear.mota:.1f}, "
        f"{100 * total.identity.idf1:.1f}, {total.clear.switches}"
    )


@click.command()
def main() -> None:
    """Print the table of docs/tracking.md."""
    data = find_data()
    with TemporaryDirectory() as scratch:
        kinds = {
            "MOT15": [Labelled(each) for each in mot15(data)],
            "PETS 2009": [Labelled(each) for each in pets09(data)],
            "street clips": street(data, Path(scratch)),
        }
        click.echo("| mean HOTA, MOTA, IDF1, switches | " + " | ".join(kinds) + " |")
        click.echo("|---" * (len(kinds) + 1) + "|")
        for name, way in WAYS.items():
            cells = [cell(labelled, way) for labelled in kinds.values()]
            click.echo(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
