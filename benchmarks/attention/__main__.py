"""`python -m benchmarks.attention --work FOLDER [--data DATA]`: accuracy and looks, off and on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks.attention.breakdown import ALL, Cost, costs
from benchmarks.attention.material import Clip, clips, detections, streets
from benchmarks.attention.replay import replay, shadowed
from detector.detections import Detections
from pipeline.attention.attention import Attention
from pipeline.attention.config import AttentionConfig
from pipeline.frames.decision import RESTS, Reason
from pipeline.process_settings import apply_process_settings
from trackers import TRACKERS

COLUMNS = (
    f"{'boxes':>8}{'HOTA':>8}{'on':>8}{'IDF1':>8}{'on':>8}{'MOTA':>8}{'on':>8}{'late p95':>10}"
    f"{'never':>7}"
)
HEADER = (
    f"{'clip':<34}{'fps':>5}{'looks/s':>9}{COLUMNS}{'events':>8}{'differ':>8}"
    "   shadow: late, never, IDF1"
)


@click.command()
@click.option("--work", type=click.Path(path_type=Path), required=True, help="Clips, detections.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder with the street clips.")
@click.option(
    "--street",
    "seeds",
    type=int,
    multiple=True,
    help="Only the busy and the calm street of this seed; may be given more than once.",
)
@click.option("--tracker", type=click.Choice(sorted(TRACKERS)), default="lane", show_default=True)
def main(work: Path, data: Path | None, seeds: tuple[int, ...], tracker: str) -> None:
    """Replay labelled clips with attention off and on, as if the engine took no time."""
    apply_process_settings()
    work.mkdir(parents=True, exist_ok=True)
    click.echo(HEADER)
    total: dict[str, Cost] = {}
    reasons, events, differing = Counter[Reason](), 0, 0
    for clip in streets(work, seeds, seeds) if seeds else clips(data, work):
        found = detections(clip, work)
        plain, seconds = replay(clip, found, None, tracker)
        attended, _ = replay(clip, found, Attention(AttentionConfig(mode="on")), tracker)
        reasons += attended.reasons
        fps = len(found) / seconds
        cost = costs(clip, plain.rows, attended.rows, fps)
        total = {name: total[name] + each if total else each for name, each in cost.items()}
        differ = ((plain.events - attended.events) + (attended.events - plain.events)).total()
        events, differing = events + plain.events.total(), differing + differ
        looks = attended.looks_per_second(seconds)
        counted = f"{plain.events.total():>8}{differ:>8}"
        foreseen = _foreseen(clip, found, tracker)
        click.echo(
            f"{clip.name:<34}{fps:>5.1f}{looks:>9.1f}{_columns(cost[ALL])}{counted}   {foreseen}"
        )
    for name, each in total.items():
        counted = f"{events:>8}{differing:>8}" if name == ALL else ""
        click.echo(f"{name:<48}{_columns(each)}{counted}")
    frames = sum(reasons.values())
    shares = (f"{why.value} {count / frames:.1%}" for why, count in reasons.most_common())
    looked = sum(count for why, count in reasons.items() if why not in RESTS)
    click.echo(f"looked at {looked / frames:.1%} of {frames} frames: {', '.join(shares)}")


def _foreseen(clip: Clip, found: Sequence[Detections], tracker: str) -> str:
    """Return what shadow mode says; its truth are the tracks without attention."""
    says = shadowed(clip, found, tracker)
    late, never = says["late_seconds"]["p95"], says["tracks_never_seen"]
    return f"{late:.2f}, {never} of {says['tracks_found'] + never}, {says['idf1'] or 0:.3f}"


def _columns(cost: Cost) -> str:
    off, on = cost.off, cost.on
    pairs = ((off.hota.hota, on.hota.hota), (off.identity.idf1, on.identity.idf1))
    rates = [*pairs, (off.clear.mota, on.clear.mota)]
    columns = "".join(f"{before:>8.3f}{after - before:>+8.3f}" for before, after in rates)
    return f"{off.clear.objects:>8}{columns}{cost.late_p95:>10.2f}{cost.never:>7}"


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.attention")
