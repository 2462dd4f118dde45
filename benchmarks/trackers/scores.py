"""python -m benchmarks.trackers.scores: every tracker on every sequence, beside SORT's own figures.

The options of Lane were chosen on the sequences of MOT15 that SORT was trained on; the others are
reported. SORT published no HOTA. With --simulated, detections are not those of 2015, but simulated
ones of a present-day detector (benchmarks/trackers/detector.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from operator import add
from statistics import mean

import click

from benchmarks.trackers.data import CHOSEN_ON, find_data
from benchmarks.trackers.detector import detected
from tests.support.labelled_sequences import LabelledSequence, mot15, pets09
from trackers import TRACKERS, make_tracker
from trackers.evaluation.evaluate import Scores

Published = Mapping[str, tuple[float, int]]  # MOTA and switches, by sequence
PUBLISHED: Published = {  # from SORT's README, except for the sequences it was trained on
    "TUD-Campus": (0.627, 6),
    "ETH-Sunnyday": (0.591, 22),
    "ETH-Pedcross2": (0.454, 77),
    "ADL-Rundle-8": (0.286, 103),
    "Venice-2": (0.186, 57),
    "KITTI-17": (0.602, 9),
    "all reported": (0.340, 274),
}
Table = Mapping[str, Mapping[str, Scores]]  # by tracker, then by sequence


def measure(sequences: Sequence[LabelledSequence]) -> dict[str, dict[str, Scores]]:
    """Return the scores of every tracker, with its default options, on every sequence."""
    return {
        name: {s.name: s.scores(make_tracker(name), s.frames, s.frame_rate) for s in sequences}
        for name in TRACKERS
    }


def table(title: str, scores: Table, published: Published) -> Iterator[str]:
    """Yield a line per sequence, one for all boxes, and one for the mean of the sequences."""
    groups = "".join(f"{name + ' HOTA':>16}{'MOTA':>7}{'IDF1':>7}{'IDsw':>6}" for name in scores)
    yield f"{title:<22}{groups}{'published MOTA':>17}{'IDsw':>6}"
    names = list(next(iter(scores.values())))
    for name in names:
        yield _line(name, [of[name] for of in scores.values()], published)
    overall = [reduce(add, of.values()) for of in scores.values()]
    yield _line("all " + title, overall, published)
    means = [mean(s.hota.hota for s in of.values()) for of in scores.values()]
    yield f"{'mean of sequences':<22}" + "".join(f"{value:>16.4f}{'':>20}" for value in means)


def _line(name: str, columns: Sequence[Scores], published: Published) -> str:
    shown = "".join(
        f"{s.hota.hota:>16.4f}{s.clear.mota:>7.3f}{s.identity.idf1:>7.3f}{s.clear.switches:>6}"
        for s in columns
    )
    mota, switches = published.get(name, (None, None))
    beside = f"{'-':>17}{'-':>6}" if mota is None else f"{mota:>17.3f}{switches:>6}"
    return f"{name:<22}{shown}{beside}"


@click.command()
@click.option("--simulated", is_flag=True, help="Simulated detections of a present-day detector.")
@click.option("--seed", default=0, help="Random seed for --simulated.")
def main(simulated: bool, seed: int) -> None:
    """Print the scores of every tracker on MOT15 and on PETS."""
    data = find_data()
    sequences = mot15(data)
    if simulated:
        sequences = [detected(s, seed + k) for k, s in enumerate(sequences)]
    chosen = [s for s in sequences if s.name in CHOSEN_ON]
    reported = [s for s in sequences if s.name not in CHOSEN_ON]
    groups = [("reported", reported), ("chosen on", chosen)]
    for title, group in groups if simulated else [*groups, ("PETS09", pets09(data))]:
        published = {} if simulated else PUBLISHED
        click.echo("\n".join(table(title, measure(group), published)) + "\n")


if __name__ == "__main__":
    main()
