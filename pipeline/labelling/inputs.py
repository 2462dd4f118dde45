"""Labels that a command is given: read, with what is wrong in them shown, and their images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path, PurePosixPath

import click

from detector.errors import UsageError
from detector.labels.findings import Findings
from detector.labels.formats import ENDINGS, Format, Images, Kind, ending_of, read_labels
from detector.labels.image_index import ImageIndex
from detector.labels.label_files import LabelFiles
from detector.labels.labelled import LabelledClip, LabelledSet
from detector.labels.losses import losses
from detector.terminal import printable_lines
from pipeline.labelling.recordings import Recording, by_clip, read_recording, with_recording

SHOWN = 20  # mistakes in a message


def read_input(path: Path, videos: Sequence[str] = (), *, mend: bool = False) -> LabelledSet:
    """Return the labels at a path, with the facts of their recordings.

    What is not taken along is shown. Raises UsageError with all mistakes, unless they are to be
    mended.
    """
    recordings = [read_recording(url) for url in videos]
    hints = recordings[0].hints if len(recordings) == 1 else None
    findings = Findings()
    labels = read_labels(path, findings, hints)
    labels = with_recordings(labels, recordings)
    show(findings.notes)
    if not mend:
        refuse(findings.lines)
    show(f"mended or left out: {line}" for line in findings.lines)
    return labels


def with_recordings(labels: LabelledSet, recordings: Sequence[Recording]) -> LabelledSet:
    """Return labels with the facts of their recordings. Raises UsageError if one does not fit."""
    by_url = {each.url: each for each in recordings}
    for name, url in by_clip(labels, list(by_url)).items():
        labels = with_recording(labels, name, by_url[url])
    return labels


def refuse(lines: Sequence[str]) -> None:
    """Raise UsageError with these mistakes, if there are any."""
    if not lines:
        return
    more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    shown = "\n  ".join([*lines[:SHOWN], *more])
    raise UsageError(
        f"{len(lines)} mistakes in the labels, so that nothing is written; correct them, or give "
        f"--mend to mend them or leave them out:\n  {shown}"
    )


def show(lines: Iterable[str]) -> None:
    """Print lines for the user on standard error."""
    for line in lines:
        click.echo(printable_lines(line), err=True)


def show_losses(labels: LabelledSet, output: Path) -> None:
    """Print what the format of `output` cannot say."""
    show([f"not kept: {line}" for line in losses(labels, output_format(output)[0])])


def output_format(output: Path) -> tuple[Format, Kind]:
    """Return the format that an output has by its ending. Raises UsageError if it has none."""
    ending = ending_of(str(output))
    if ending is None:
        raise UsageError(f"{output}: no format has that ending; accepted: {', '.join(ENDINGS)}")
    return ENDINGS[ending]


class OwnImages:
    """The images that are beside labels, under the names of the clips that they belong to."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._places: dict[str, tuple[LabelFiles, ImageIndex, str]] = {}

    def add(self, path: Path, names: dict[str, str]) -> None:
        """Add the images at a path; names: of its clips there -> as they are called now."""
        files = self._open.enter_context(LabelFiles(path))
        index = ImageIndex(files)
        self._places |= {now: (files, index, there) for there, now in names.items()}

    def __enter__(self) -> OwnImages:
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def __call__(self, clip: LabelledClip, position: int) -> tuple[bytes, str] | None:
        """Return the image of a labelled frame and its suffix; None if there is none."""
        files, index, name = self._places[clip.name]
        file = index.find(replace(clip, name=name), position)
        return None if file is None else (files.read(file), PurePosixPath(file).suffix)


def images_for(output: Path, own: OwnImages) -> Images | None:
    """Return the images to write beside labels: a single file has none."""
    return None if output_format(output)[1] is Kind.FILE else own
