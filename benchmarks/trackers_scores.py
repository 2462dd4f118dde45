"""python -m benchmarks.trackers_scores: every tracker on every sequence, beside SORT as published.

Options of our own tracker were chosen on half of MOT15 (those that SORT trained on); the other half
is reported. HOTA is not among what SORT published.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from operator import add
from statistics import mean

import click

from benchmarks.trackers_material import CHOSEN_ON, Material, mot15, pets09
from trackers import TRACKERS, make_tracker
from trackers.evaluate import Scores

PUBLISHED = {  # MOTA and switches of SORT, by its README; on what is not here it was trained
    "TUD-Campus": (0.627, 6),
    "ETH-Sunnyday": (0.591, 22),
    "ETH-Pedcross2": (0.454, 77),
    "ADL-Rundle-8": (0.286, 103),
    "Venice-2": (0.186, 57),
    "KITTI-17": (0.602, 9),
    "all reported": (0.340, 274),
}
Table = Mapping[str, Mapping[str, Scores]]  # by tracker, then by sequence


def measure(sequences: Sequence[Material]) -> dict[str, dict[str, Scores]]:
    """Return the scores of every tracker, with its default options, on every sequence."""
    return {
        name: {s.name: s.scores(make_tracker(name), s.frames, s.frame_rate) for s in sequences}
        for name in TRACKERS
    }


def table(title: str, scores: Table) -> Iterator[str]:
    """Yield a line per sequence, one for all boxes together, and the mean of the sequences."""
    groups = "".join(f"{name + ' HOTA':>16}{'MOTA':>7}{'IDF1':>7}{'IDsw':>6}" for name in scores)
    yield f"{title:<22}{groups}{'published MOTA':>17}{'IDsw':>6}"
    names = list(next(iter(scores.values())))
    for name in names:
        yield _line(name, [of[name] for of in scores.values()], title)
    yield _line("all " + title, [reduce(add, of.values()) for of in scores.values()], title)
    means = [mean(s.hota.hota for s in of.values()) for of in scores.values()]
    yield f"{'mean of sequences':<22}" + "".join(f"{value:>16.4f}{'':>20}" for value in means)


def _line(name: str, columns: Sequence[Scores], title: str) -> str:
    shown = "".join(
        f"{s.hota.hota:>16.4f}{s.clear.mota:>7.3f}{s.identity.idf1:>7.3f}{s.clear.switches:>6}"
        for s in columns
    )
    mota, switches = PUBLISHED.get(name, (None, None))
    published = f"{'-':>17}{'-':>6}" if mota is None else f"{mota:>17.3f}{switches:>6}"
    return f"{name:<22}{shown}{published}"


@click.command()
def main() -> None:
    """Print the scores of every tracker on MOT15 and on PETS."""
    sequences = mot15()
    chosen = [s for s in sequences if s.name in CHOSEN_ON]
    reported = [s for s in sequences if s.name not in CHOSEN_ON]
    for title, group in (("reported", reported), ("chosen on", chosen), ("PETS09", pets09())):
        click.echo("\n".join(table(title, measure(group))) + "\n")


if __name__ == "__main__":
    main()
