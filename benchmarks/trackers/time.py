"""python -m benchmarks.trackers.time: the scores that remain when frames are missing.

Every tracker runs at the full rate, on every 2nd, 3rd and 5th frame, and with 10 % and 30 % of the
frames dropped at random, and is evaluated on the frames that it got. `frame counts` is ByteTrack as
usually written, which assumes 1/30 s between any two frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import mean

import click

from benchmarks.trackers.data import find_data
from tests.support.labelled_sequences import LabelledSequence, mot15, pets09
from trackers import TRACKERS
from trackers.evaluation.evaluate import Scores
from trackers.motchallenge.frame_choice import FrameChoice

CHOICES = {
    "all": FrameChoice(),
    "every 2nd": FrameChoice(keep_every=2),
    "every 3rd": FrameChoice(keep_every=3),
    "every 5th": FrameChoice(keep_every=5),
    "-10 %": FrameChoice(drop=0.1, seed=1),
    "-30 %": FrameChoice(drop=0.3, seed=1),
}
FRAME_COUNTS = "frame counts"


def score(tracker: str, sequence: LabelledSequence, choice: FrameChoice) -> Scores:
    """Return the scores of a tracker, or of `frame counts`, on the chosen frames."""
    if tracker == FRAME_COUNTS:
        return sequence.scores_by_frame_counts(choice)
    return sequence.scores_by_seconds(tracker, choice)


def table(title: str, sequences: Sequence[LabelledSequence]) -> Iterator[str]:
    """Yield a line per tracker: mean HOTA and IDF1, and the share of the HOTA of all frames."""
    yield f"{title:<20}" + "".join(f"{name:>22}" for name in CHOICES)
    yield f"{'':<20}" + f"{'HOTA   IDF1  kept':>22}" * len(CHOICES)
    for tracker in (*TRACKERS, FRAME_COUNTS):
        found = {
            name: [score(tracker, s, choice) for s in sequences] for name, choice in CHOICES.items()
        }
        full = mean(s.hota.hota for s in found["all"])
        yield f"{tracker:<20}" + "".join(_cell(scores, full) for scores in found.values())


def _cell(scores: Sequence[Scores], full: float) -> str:
    hota, idf1 = mean(s.hota.hota for s in scores), mean(s.identity.idf1 for s in scores)
    return f"{hota:>9.4f} {idf1:>6.4f} {hota / full:>5.2f}"


@click.command()
def main() -> None:
    """Print the scores of every tracker on PETS and MOT15, with all frames and with fewer."""
    data = find_data()
    for sequence in pets09(data):
        click.echo("\n".join(table(sequence.name, [sequence])) + "\n")
    click.echo("\n".join(table("MOT15, mean of 11", mot15(data))))


if __name__ == "__main__":
    main()
