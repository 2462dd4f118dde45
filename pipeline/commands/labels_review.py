"""framelane labels review: a page on which a person corrects the labels of a recording."""

from __future__ import annotations

import signal
from pathlib import Path
from threading import Event

import click

from detector.cli import Command

FILE = click.Path(path_type=Path)


@click.command(cls=Command)
@click.argument("labels", type=FILE)
@click.option("--video", required=True, help="The recording, or folder of pictures, of LABELS.")
@click.option(
    "--output",
    type=FILE,
    help="Where corrections are saved: .cvat.xml or .coco.json.  [default: LABELS]",
)
@click.option(
    "--address", default="127.0.0.1:8081", show_default=True, help="HOST:PORT of the page."
)
def review(labels: Path, video: str, output: Path | None, address: str) -> None:
    """Correct the labels of one recording in a browser, mostly with the keyboard.

    LABELS may have any format (docs/annotating.md). Ctrl-C ends the page; corrections that are not
    saved then are written to OUTPUT with `.unsaved` in its name.
    """
    from tempfile import TemporaryDirectory

    from pipeline.labelling.inputs import show
    from pipeline.log import log_on_terminal
    from pipeline.review.app import review_app
    from pipeline.review.pictures import Pictures, frame_size
    from pipeline.review.workspace import Workspace
    from pipeline.web.server import Server

    workspace = Workspace(labels, output or labels, frame_size(video))
    show(f"mended or left out: {line}" for line in workspace.left_out)
    with (
        TemporaryDirectory() as folder,
        log_on_terminal(),
        Pictures(video, workspace.clip.frames, Path(folder)) as pictures,
        Server(review_app(workspace, pictures, address), address),
    ):
        ended = Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ended.set())
        ended.wait()
    if unsaved := workspace.keep_unsaved():
        show([f"corrections were not saved: they are in {unsaved}"])
