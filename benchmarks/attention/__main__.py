"""`python -m benchmarks.attention --work FOLDER [--data DATA]`: accuracy and looks, off and on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import reduce
from operator import add
from pathlib import Path

import click
import numpy as np

from benchmarks.attention.material import Clip, clips, detections
from benchmarks.attention.replay import Replay, first_found, replay, scores, shadowed
from detector.detections import Detections
from pipeline.attention.attention import Attention
from pipeline.attention.config import AttentionConfig
from pipeline.frame import Reason
from pipeline.process_settings import apply_process_settings
from trackers import TRACKERS
from trackers.evaluation.evaluate import Scores

HEADER = (
    f"{'clip':<34}{'fps':>5}{'looks/s':>9}{'HOTA':>8}{'on':>8}{'IDF1':>8}{'on':>8}{'MOTA':>8}"
    f"{'on':>8}{'late p95':>10}{'never':>8}{'events':>8}{'differ':>8}   shadow: late, never, IDF1"
)


@click.command()
@click.option("--work", type=click.Path(path_type=Path), required=True, help="Clips, detections.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder with the street clips.")
@click.option("--tracker", type=click.Choice(sorted(TRACKERS)), default="lane", show_default=True)
def main(work: Path, data: Path | None, tracker: str) -> None:
    """Replay labelled clips with attention off and on, as if the engine took no time."""
    apply_process_settings()
    work.mkdir(parents=True, exist_ok=True)
    click.echo(HEADER)
    off, on, reasons, late = [], [], Counter[Reason](), list[float]()
    for clip in clips(data, work):
        found = detections(clip, work)
        plain, seconds = replay(clip, found, None, tracker)
        attended, _ = replay(clip, found, Attention(AttentionConfig(mode="on")), tracker)
        off.append(_total(clip, plain))
        on.append(_total(clip, attended))
        delays, never = _delays(clip, plain, attended, len(found) / seconds)
        late += delays
        reasons += attended.reasons
        fps = len(found) / seconds
        looks = attended.looks_per_second(seconds)
        line = f"{clip.name:<34}{fps:>5.1f}{looks:>9.1f}{_rates(off[-1], on[-1])}"
        differ = ((plain.events - attended.events) + (attended.events - plain.events)).total()
        counted = f"{plain.events.total():>8}{differ:>8}"
        click.echo(
            f"{line}{_p95(delays):>10.2f}{never:>8}{counted}   {_foreseen(clip, found, tracker)}"
        )
    line = f"{'all boxes':<34}{'':>14}{_rates(reduce(add, off), reduce(add, on))}"
    click.echo(f"{line}{_p95(late):>10.2f}")
    frames = sum(reasons.values())
    shares = (f"{why.value} {count / frames:.1%}" for why, count in reasons.most_common())
    click.echo(f"frames by reason: {', '.join(shares)}")


def _foreseen(clip: Clip, found: Sequence[Detections], tracker: str) -> str:
    """Return what shadow mode says; its truth are the tracks without attention."""
    says = shadowed(clip, found, tracker)
    late, never = says["late_seconds"]["p95"], says["tracks_never_seen"]
    return f"{late:.2f}, {never} of {says['tracks_found'] + never}, {says['idf1'] or 0:.3f}"


def _total(clip: Clip, replayed: Replay) -> Scores:
    return reduce(add, scores(clip, replayed.rows).values())


def _rates(off: Scores, on: Scores) -> str:
    pairs = ((off.hota.hota, on.hota.hota), (off.identity.idf1, on.identity.idf1))
    columns = [*pairs, (off.clear.mota, on.clear.mota)]
    return "".join(f"{before:>8.3f}{after - before:>+8.3f}" for before, after in columns)


def _delays(clip: Clip, plain: Replay, attended: Replay, fps: float) -> tuple[list[float], int]:
    """Return by how many seconds objects are found later, and how many are not found any more."""
    before, after = first_found(clip, plain.rows), first_found(clip, attended.rows)
    found = [key for key, frame in before.items() if frame is not None]
    late = [
        (second - first) / fps
        for key in found
        if (first := before[key]) is not None and (second := after[key]) is not None
    ]
    return late, len(found) - len(late)


def _p95(values: Sequence[float]) -> float:
    return float(np.percentile(values, 95)) if values else 0.0


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.attention")
