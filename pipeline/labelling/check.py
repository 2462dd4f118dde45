"""framelane labels check: mistakes, and what is unlikely to be meant."""

from __future__ import annotations

from pathlib import Path

import click

from detector.cli import Command
from pipeline.labelling.options import PATH, VIDEO


@click.command(cls=Command)
@click.argument("labels", type=PATH)
@VIDEO
@click.pass_context
def check(context: click.Context, /, labels: Path, videos: tuple[str, ...]) -> None:
    """Print every mistake in LABELS, and what is unlikely to be meant, one line each.

    Mistakes: boxes without area, unknown classes, frames that the recording does not have, and the
    like. Unlikely: boxes of one class on top of each other, boxes beyond the frame, slivers, tracks
    that jump or change their class. Exit code 0: no mistakes; 1: mistakes.
    """
    from detector.errors import FramelaneError
    from detector.labels.doubts import doubts
    from detector.labels.findings import Findings
    from detector.labels.formats import read_labels
    from pipeline.labelling.inputs import with_recordings
    from pipeline.labelling.recordings import read_recording

    findings = Findings()
    recordings = [read_recording(url) for url in videos]
    hints = recordings[0].hints if len(recordings) == 1 else None
    found = read_labels(labels, findings, hints)
    with findings.noted():
        found = with_recordings(found, recordings)
    unlikely = doubts(found)
    for kind, lines in (
        ("mistake", findings.lines),
        ("not taken along", findings.notes),
        ("unlikely", unlikely),
    ):
        for line in lines:
            click.echo(f"{kind}: {line}")
    click.echo(
        f"{len(found.clips)} clips, {found.box_count} boxes: {len(findings.lines)} mistakes, "
        f"{len(unlikely)} unlikely"
    )
    if findings.lines:
        context.exit(FramelaneError.exit_code)
