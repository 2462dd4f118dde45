"""`python -m benchmarks.cameras`: how many cameras this machine sustains, and how accurately.

The cameras show a synthetic street at 25 frames per second, which is quiet for 70 % of the time,
or real clips at their own rates of 10 to 12.5; each is out of step with the others. Sustained: at a
p99 of 500 ms and no frame lost; with attention also: the result of a look comes 120 ms later on
average at most. The programs take turns, trial by trial, so that a disturbance meets all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce
from operator import add
from time import monotonic

import click

from benchmarks.cameras.clip import Clip
from benchmarks.cameras.material import MATERIALS
from benchmarks.cameras.memory import memory_of_a_camera
from benchmarks.cameras.ours import trial
from benchmarks.cameras.search import Search
from benchmarks.cameras.simple import decode_only, detect_at_5_fps
from benchmarks.cameras.trial import Trial
from benchmarks.machine import cores
from benchmarks.result import Result
from detector.hardware.cpu import cpu_name
from pipeline.process_settings import apply_process_settings
from tests.support.cameras import require_gstreamer
from trackers.evaluation.evaluate import Scores

OFF, ON, DECODED, PLAIN = "attention off", "attention on", "decoded only", "detect at 5 fps"
FIRST = {  # cameras to try first
    "768x432": {OFF: 3, ON: 12, DECODED: 40, PLAIN: 10},
    "1920x1080": {OFF: 2, ON: 6, DECODED: 12, PLAIN: 6},
    "clips": {OFF: 4, ON: 10, DECODED: 96, PLAIN: 10},
}
MEMORY_SECONDS = 10.0
MAX_MEMORY = 25e6  # bytes


@click.command()
@click.option("--minutes", type=click.FloatRange(0.5), default=15.0, show_default=True)
@click.option("--seconds", type=click.FloatRange(2), default=12.0, show_default=True, help="Each.")
@click.option(
    "--material",
    "names",
    type=click.Choice(list(MATERIALS)),
    multiple=True,
    help="What the cameras show; all of these in turn by default.",
)
def main(minutes: float, seconds: float, names: tuple[str, ...]) -> None:
    """Find by bisection how many cameras are sustained, within `--minutes`."""
    apply_process_settings()
    require_gstreamer()
    materials = {name: MATERIALS[name]() for name in names or MATERIALS}
    ends_at = monotonic() + 60 * minutes
    click.echo(f"{cores()} cores of {cpu_name()}; {seconds:g} s for each trial")
    first = next(iter(materials))
    found = memory_of_a_camera(materials[first], MEMORY_SECONDS)
    small = found.bytes < MAX_MEMORY
    click.echo(str(Result(f"one more camera of {first}", str(found), "below 25 MB", small)))
    for left, (name, clips) in zip(range(len(materials), 0, -1), materials.items(), strict=True):
        _compare(name, clips, seconds, monotonic() + (ends_at - monotonic()) / left)


def _compare(material: str, clips: Sequence[Clip], seconds: float, ends_at: float) -> None:
    """Search for each program in turn, and print what is found."""
    scores: dict[tuple[str, int], Mapping[str, Scores]] = {}
    programs: Mapping[str, Callable[[int], Trial]] = {
        OFF: partial(_ours, clips, seconds, OFF, scores),
        ON: partial(_ours, clips, seconds, ON, scores),
        DECODED: lambda count: decode_only(clips, count, seconds),
        PLAIN: lambda count: detect_at_5_fps(clips, count, seconds),
    }
    searches = {name: Search(FIRST[material][name]) for name in programs}
    while monotonic() < ends_at and (open_ := [n for n, s in searches.items() if not s.settled]):
        for name in open_:
            count = searches[name].next
            result = programs[name](count)
            searches[name].tried(count, result.sustained)
            verdict = "sustained" if result.sustained else "too many"
            click.echo(f"{material:<10}{name:<16}{count:>3} cameras  {verdict:<10} {result}")
    _conclude(material, searches, scores)


def _ours(
    clips: Sequence[Clip],
    seconds: float,
    name: str,
    scores: dict[tuple[str, int], Mapping[str, Scores]],
    count: int,
) -> Trial:
    result, scores[name, count] = trial(clips, count, seconds, "on" if name == ON else "off")
    return result


def _conclude(
    material: str,
    searches: Mapping[str, Search],
    scores: Mapping[tuple[str, int], Mapping[str, Scores]],
) -> None:
    """Print the numbers of cameras, and the accuracy over all of them and for each clip."""
    found = {name: search.sustained for name, search in searches.items()}
    for name, search in searches.items():
        cameras = str(search)
        by_clip = scores.get((name, search.sustained), {})
        if by_clip:
            cameras += f"; {_accuracy(reduce(add, by_clip.values()))}"
        click.echo(str(Result(f"{material}, {name}", cameras)))
        for clip, score in by_clip.items() if len(by_clip) > 1 else ():
            click.echo(str(Result(f"  {clip}", _accuracy(score))))
    for other, least in ((OFF, 4.0), (DECODED, 0.5)):
        ratio = found[ON] / max(1, found[other])
        words = f"{material}, attention on, by {other}"
        click.echo(str(Result(words, f"{ratio:.2f}", f"at least {least:g}", ratio >= least)))


def _accuracy(score: Scores) -> str:
    return (
        f"HOTA {score.hota.hota:.3f}, IDF1 {score.identity.idf1:.3f}, MOTA {score.clear.mota:.3f}"
    )


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.cameras")
