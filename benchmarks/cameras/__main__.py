"""`python -m benchmarks.cameras`: how many cameras this machine sustains, and how accurately.

Each camera sends 25 frames per second, and is quiet for 70 % of the time, out of step with the
others. Sustained: at a p99 of 500 ms and no frame lost; with attention also: the result of a look
comes three frames later on average at most. The programs take turns, trial by trial, so that a
disturbance meets all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from time import monotonic

import click

from benchmarks.cameras.material import SIZES, Material, material
from benchmarks.cameras.memory import memory_of_a_camera
from benchmarks.cameras.ours import trial
from benchmarks.cameras.search import Search
from benchmarks.cameras.simple import decode_only, detect_at_5_fps
from benchmarks.cameras.trial import Trial
from benchmarks.machine import cores
from benchmarks.result import Result
from detector.hardware.cpu import cpu_name
from pipeline.process_settings import apply_process_settings
from trackers.evaluation.evaluate import Scores

OFF, ON, DECODED, PLAIN = "attention off", "attention on", "decoded only", "detect at 5 fps"
FIRST = {  # cameras to try first
    "768x432": {OFF: 3, ON: 12, DECODED: 40, PLAIN: 10},
    "1920x1080": {OFF: 2, ON: 6, DECODED: 12, PLAIN: 6},
}
MEMORY_SECONDS = 10.0
MAX_MEMORY = 25e6  # bytes


@click.command()
@click.option("--minutes", type=click.FloatRange(0.5), default=15.0, show_default=True)
@click.option("--seconds", type=click.FloatRange(2), default=12.0, show_default=True, help="Each.")
@click.option("--size", "sizes", type=click.Choice(list(SIZES)), multiple=True, help="Only these.")
def main(minutes: float, seconds: float, sizes: tuple[str, ...]) -> None:
    """Find by bisection how many cameras are sustained, within `--minutes`."""
    apply_process_settings()
    shown = {size: material(size) for size in sizes or SIZES}
    ends_at = monotonic() + 60 * minutes
    click.echo(f"{cores()} cores of {cpu_name()}; {seconds:g} s for each trial")
    first = next(iter(shown))
    found = memory_of_a_camera(shown[first], MEMORY_SECONDS)
    small = found.bytes < MAX_MEMORY
    click.echo(str(Result(f"one more camera of {first}", str(found), "below 25 MB", small)))
    for left, (name, clip) in zip(range(len(shown), 0, -1), shown.items(), strict=True):
        _compare(name, clip, seconds, monotonic() + (ends_at - monotonic()) / left)


def _compare(size: str, shown: Material, seconds: float, ends_at: float) -> None:
    """Search for each program in turn, and print what is found."""
    scores: dict[tuple[str, int], Scores] = {}
    programs: Mapping[str, Callable[[int], Trial]] = {
        OFF: partial(_ours, shown, seconds, OFF, scores),
        ON: partial(_ours, shown, seconds, ON, scores),
        DECODED: lambda count: decode_only(shown, count, seconds),
        PLAIN: lambda count: detect_at_5_fps(shown, count, seconds),
    }
    searches = {name: Search(FIRST[size][name]) for name in programs}
    while monotonic() < ends_at and (open_ := [n for n, s in searches.items() if not s.settled]):
        for name in open_:
            count = searches[name].next
            result = programs[name](count)
            searches[name].tried(count, result.sustained)
            verdict = "sustained" if result.sustained else "too many"
            click.echo(f"{size:<10}{name:<16}{count:>3} cameras  {verdict:<10} {result}")
    _conclude(size, searches, scores)


def _ours(
    shown: Material,
    seconds: float,
    name: str,
    scores: dict[tuple[str, int], Scores],
    count: int,
) -> Trial:
    result, scores[name, count] = trial(shown, count, seconds, "on" if name == ON else "off")
    return result


def _conclude(
    size: str, searches: Mapping[str, Search], scores: Mapping[tuple[str, int], Scores]
) -> None:
    found = {name: search.sustained for name, search in searches.items()}
    for name, search in searches.items():
        cameras = f"{search.sustained} cameras, {search.failed} are too many"
        if score := scores.get((name, search.sustained)):
            cameras += (
                f"; HOTA {score.hota.hota:.3f}, IDF1 {score.identity.idf1:.3f}, "
                f"MOTA {score.clear.mota:.3f}"
            )
        click.echo(str(Result(f"{size}, {name}", cameras)))
    for other, least in ((OFF, 4.0), (DECODED, 0.5)):
        ratio = found[ON] / max(1, found[other])
        words = f"{size}, attention on, by {other}"
        click.echo(str(Result(words, f"{ratio:.2f}", f"at least {least:g}", ratio >= least)))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.cameras")
