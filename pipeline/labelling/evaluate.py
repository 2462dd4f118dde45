"""framelane evaluate: average precision, and HOTA where labels of a recording have tracks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from detector.cli import Command, Late

DETECTION = Late("trainer.commands.evaluate:evaluate", "").load()
TRACKER = click.Option(
    ["--tracker"],
    default="lane",
    show_default=True,
    help="The tracker that is scored if --labels of a --video have tracks; none: no tracks.",
)


def _evaluate(
    model_name: str | None,
    model: Path | None,
    labels: Path | None,
    video: Path | None,
    tracker: str,
    engine: str | None,
    **options: Any,
) -> None:
    context = click.get_current_context()
    context.invoke(
        DETECTION,
        model_name=model_name,
        model=model,
        labels=labels,
        video=video,
        engine=engine,
        **options,
    )
    if labels is None or video is None or tracker == "none":
        return
    from pipeline.labelling.inputs import read_input
    from pipeline.labelling.recordings import by_clip
    from pipeline.labelling.tracked import has_tracks, scores
    from trackers.evaluation.report import table

    videos = [str(path) for path in sorted(video.iterdir())] if video.is_dir() else [str(video)]
    found = read_input(labels, videos, mend=True)
    if not has_tracks(found):
        click.echo("no HOTA: the labels have no tracks, or boxes without one", err=True)
        return
    name = str(model or model_name)
    evaluation = scores(found, by_clip(found, videos), name, engine, tracker)
    click.echo(f"tracks of {tracker}, in the classes that model and labels share:")
    click.echo(table(evaluation))


evaluate = Command(
    "evaluate",
    params=[*DETECTION.params, TRACKER],
    callback=_evaluate,
    help=f"{DETECTION.help}\n\nIf --labels of a --video have tracks, those of a run with the same "
    "model are scored as well: HOTA, MOTA and IDF1.",
)
