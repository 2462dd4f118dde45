"""Track detections from MOTChallenge files."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import click

from detector.cli import Command
from detector.errors import UsageError
from trackers import TRACKERS, make_tracker
from trackers.commands.frame_options import frame_choice, frame_options

FILE = click.Path(path_type=Path)
RENAMED = {"--camera-motion": "--camera-path", "--classes": "--with-classes"}


@click.command(cls=Command, renamed=RENAMED)
@click.option("--detections", type=FILE, required=True, help="Boxes and scores: a file or folder.")
@click.option("--output", type=FILE, required=True, help="Tracks: a file, or a folder for several.")
@click.option(
    "--tracker", default="lane", show_default=True, help=f"One of: {', '.join(TRACKERS)}."
)
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option of the tracker (docs/tracking.md); may be repeated.",
)
@click.option(
    "--frame-rate",
    type=click.FloatRange(0, min_open=True),
    help="Frames per second.  [default: as in seqinfo.ini, else 30]",
)
@click.option(
    "--camera-path",
    type=FILE,
    help="Motion of the camera, a file or folder. Each line has a frame number, from 0, and the "
    "2x3 matrix that maps points of the previous frame to this one.",
)
@click.option(
    "--with-classes", is_flag=True, help="Read column 8 of detections as a class, from 0."
)
@click.option(
    "--score-range",
    type=float,
    nargs=2,
    metavar="LOW HIGH",
    help="Scale the scores so that LOW becomes 0 and HIGH becomes 1.  [default: 0 1]",
)
@click.option(
    "--refine",
    is_flag=True,
    help="After tracking, join tracks by what came later, fill gaps, and smooth the boxes.",
)
@frame_options
def run(
    detections: Path,
    output: Path,
    tracker: str,
    options: tuple[str, ...],
    frame_rate: float | None,
    camera_path: Path | None,
    with_classes: bool,
    score_range: tuple[float, float] | None,
    refine: bool,
    **frames: Any,
) -> None:
    """Track detections from files.

    The output has the confirmed tracks, and the lost ones that the tracker returns. All files are
    MOTChallenge text. A folder contains NAME.txt or NAME/det/det.txt. Column 9 of the output gives
    the kind of box: -1 tracked, 0 predicted, 1 smoothed, 2 interpolated, 3 linked.
    """
    from trackers.motchallenge.history import History
    from trackers.motchallenge.run import run_files
    from trackers.motchallenge.text import MotResult
    from trackers.refinement.refine import refined
    from trackers.tracks import Tracker

    chosen = dict(map(_option, options))

    def make() -> Tracker:
        return make_tracker(tracker, **chosen)

    def as_tracked(history: History) -> MotResult:
        return MotResult.of(history.tracks(make()))

    run_files(
        detections,
        output,
        (lambda history: refined(history, make)) if refine else as_tracked,
        frame_rate=frame_rate,
        camera_motion=camera_path,
        with_classes=with_classes,
        score_range=score_range,
        frames=frame_choice(**frames),
        warn=partial(click.echo, err=True),
    )


def _option(given: str) -> tuple[str, Any]:
    """Return key and value of `key=value`.

    The value is read as JSON: a number, true, false or null. Anything else is text.
    """
    key, equals, value = given.partition("=")
    if not equals:
        raise UsageError(f"--option {given}: key=value is expected, such as buffer_seconds=2")
    try:
        return key, json.loads(value)
    except json.JSONDecodeError:
        return key, value
