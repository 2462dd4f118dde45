"""Counts the events of labelled clips against their ground truth.

`python -m benchmarks.event_counts` runs the bundled model on the street clips, on PETS and on the
synthetic street, and prints a table for docs/events.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import av
import click

from benchmarks.event_truth import (
    Comparison,
    Presence,
    compare,
    read_ignored,
    read_tracks,
    read_truth,
)
from benchmarks.trackers.data import find_data
from pipeline.assembly.run import build
from pipeline.config import RunConfig
from pipeline.events.config import EventFilters
from pipeline.events.record import EventKind, EventRecord
from pipeline.process_settings import apply_process_settings
from pipeline.sources.street.labelled_clip import CLASSES, write_clip
from pipeline.sources.synthetic import Synthetic
from pipeline.store.queries import EventFilter, EventReader

SYNTHETIC_SECONDS = 60
SYNTHETIC_SEEDS = (0, 1)
LINES = {"across": (0, ([0.5, 0.0], [0.5, 1.0])), "down": (1, ([0.0, 0.5], [1.0, 0.5]))}

STREET = dict(enumerate(CLASSES))
PETS = {1: "person"}


@dataclass(frozen=True)
class Clip:
    """A video and its ground truth; names: of its classes."""

    video: Path
    truth: Path
    names: dict[int, str]
    ignored: Path | None = None


def clips(data: Path, scratch: Path) -> Iterator[Clip]:
    """Yield the clips; those of the synthetic street are drawn into `scratch`."""
    street = data / "street"
    for video in sorted((street / "videos").glob("*.mp4")):
        name = f"{video.stem}.txt"
        yield Clip(video, street / "gt" / name, STREET, street / "ignore" / name)
    pets = data / "pets09"
    yield Clip(pets / "vtest_480x360.mp4", pets / "gt_480x360.txt", PETS)
    for seed in SYNTHETIC_SEEDS:
        source = Synthetic(f"synthetic:{seed}")
        name = f"synthetic-{seed}"
        write_clip(source, scratch, name, round(SYNTHETIC_SECONDS / source.interval))
        yield Clip(scratch / "videos" / f"{name}.mp4", scratch / "gt" / f"{name}.txt", STREET)


def noted(clip: Clip, folder: Path) -> list[EventRecord]:
    """Run the clip with lines through its middle, and return the events that were stored."""
    config = RunConfig.model_validate(
        {
            "sources": [str(clip.video)],
            "outputs": [str(folder / "tracks.jsonl")],
            "events": {
                "folder": folder / "events",
                "clips": None,
                "snapshots": False,
                "keep_seconds": None,  # some clips are years old
            },
            "analytics": {
                "lines": [
                    {"name": name, "start": start, "end": end}
                    for name, (_, (start, end)) in LINES.items()
                ]
            },
        }
    )
    run = build(config)
    run.pipeline.start()
    run.pipeline.join()
    if run.pipeline.failures:
        raise click.ClickException(f"{clip.video}: {run.pipeline.failures[0]}")
    with closing(EventReader(folder / "events")) as reader:
        return list(reader.all(EventFilter()))


def rows(clip: Clip, folder: Path) -> Iterator[str]:
    """Yield the clip's lines of the table, one for each class."""
    with av.open(str(clip.video)) as container:
        video = container.streams.video[0]
        rate, size = float(video.average_rate or 25), (video.width, video.height)
    filters = EventFilters()
    truth = read_truth(clip.truth, clip.names, round(filters.forget_seconds * rate))
    long = [each for each in truth if each.last - each.first >= filters.min_seconds * rate - 1e-6]
    events = noted(clip, folder)
    tracks = read_tracks(folder / "tracks.jsonl")
    ignored = read_ignored(clip.ignored) if clip.ignored else []
    objects = [event for event in events if event.kind is EventKind.OBJECT]
    compared = compare(long, objects, tracks, ignored, rate)
    brief = [each for each in truth if each not in long]
    for name in sorted(compared):
        crossings = [
            (_crossed(long, name, line, size), _counted(events, name, line)) for line in LINES
        ]
        briefly = sum(each.class_name == name for each in brief)
        yield _row(clip.video.stem, name, compared[name], briefly, crossings)


def _crossed(truth: list[Presence], name: str, line: str, size: tuple[int, int]) -> int:
    axis, _ = LINES[line]
    return sum(
        each.crossings(size[axis] / 2, axis, size) for each in truth if each.class_name == name
    )


def _counted(events: list[EventRecord], name: str, line: str) -> int:
    return sum(event.place == line and event.class_name == name for event in events)


def _row(
    clip: str, name: str, result: Comparison, brief: int, crossings: list[tuple[int, int]]
) -> str:
    passed = ", ".join(f"{found} of {there}" for there, found in crossings)
    cells = [
        clip,
        name,
        result.truth,
        brief,
        result.events,
        result.found,
        result.missed,
        result.split,
        result.false,
        _seconds(result.late),
        _seconds(result.early),
        passed,
    ]
    return "| " + " | ".join(map(str, cells)) + " |"


def _seconds(values: list[float]) -> str:
    if not values:
        return "-"
    within = sum(abs(value) <= 1 for value in values)
    return f"{median(values):.1f} s; {within} of {len(values)}"


@click.command()
def main() -> None:
    """Print a row of the table for each class of each clip."""
    apply_process_settings()
    data = find_data()
    click.echo(
        "| clip | class | objects | briefer | events | found | missed | split | false "
        "| appears late | leaves early | crossings across, down |"
    )
    click.echo("|" + "---|" * 12)
    with TemporaryDirectory() as scratch:
        for clip in clips(data, Path(scratch)):
            folder = Path(scratch) / clip.video.stem
            for row in rows(clip, folder):
                click.echo(row)


if __name__ == "__main__":
    main()
