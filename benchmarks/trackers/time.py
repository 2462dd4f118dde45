"""python -m benchmarks.trackers_time: what is left of the scores when frames are left out.

Every tracker runs at the full rate, on every 2nd, 3rd and 5th frame, and with 10 % and 30 % of the
frames dropped by chance, and is evaluated on the frames that it was given. `frame counts` is
ByteTrack as the field has it: each picture is taken to be 1/30 s after the last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import mean

import click

from benchmarks.trackers.material import Material, mot15, pets09
from detector.detections import Int64Array
from trackers import TRACKERS, make_tracker
from trackers.base.kalman import STEPS_PER_SECOND
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
COUNTED = "frame counts"


def score(tracker: str, material: Material, choice: FrameChoice) -> Scores:
    """Return the scores of a tracker on the chosen frames."""
    frames = choice.of(material.name, int(material.frames[-1]))
    if tracker == COUNTED:
        return counted(material, frames)
    return material.scores(make_tracker(tracker), frames, material.frame_rate)


def counted(material: Material, frames: Int64Array) -> Scores:
    """Return the scores of ByteTrack that takes the pictures it gets for all there are."""
    renumbered = material.renumbered(frames)
    return renumbered.scores(make_tracker("bytetrack"), renumbered.frames, STEPS_PER_SECOND)


def table(title: str, sequences: Sequence[Material]) -> Iterator[str]:
    """Yield a line per tracker: HOTA and IDF1, means over the sequences, and what is kept."""
    yield f"{title:<20}" + "".join(f"{name:>22}" for name in CHOICES)
    yield f"{'':<20}" + f"{'HOTA   IDF1  kept':>22}" * len(CHOICES)
    for tracker in (*TRACKERS, COUNTED):
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
    """Print what every tracker keeps of its scores on PETS and on MOT15."""
    for sequence in pets09():
        click.echo("\n".join(table(sequence.name, [sequence])) + "\n")
    click.echo("\n".join(table("MOT15, mean of 11", mot15())))


if __name__ == "__main__":
    main()
