"""A site where one object passes again and again: a clip, and the configuration that plays it.

In each round of the clip an object goes through the picture from left to right, once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2

from detector.detections import UInt8Array
from pipeline.config import load_config
from pipeline.web.serving import web_server
from tests.support.blue_engine import BLUE
from tests.support.cameras import numbered_frame
from tests.support.recordings import write_recording
from tests.support.runs import running_well
from tests.support.web import Visitor

SIZE = (512, 256)  # pixels, width and height
ROUND = 50  # frames
WIDTH, STEP = 60, 20  # pixels: of the object, and between two frames
FIRST, STEPS = 10, 22  # the frame that shows the object first, and in how many it is seen
BEGIN = 26  # pixels: where its middle is first, so that it never stands on a line at 0.5 or 0.62

FILE = """\
# My site
sources:
  - url: {clip}   # the gate
    name: gate
    realtime: true
    loop: true
model: {{engine: blue}}
outputs: ['{folder}/{{stream}}.jsonl']
analytics:
  lines:
    - {{name: middle, start: [0.5, 1], end: [0.5, 0]}}  # where they pass
events:
  folder: {folder}/events
  min_seconds: 0.4
  forget_seconds: 0.5
  clips: {{pre_seconds: 0.5, post_seconds: 0.5}}
serve:
  address: 127.0.0.1:0
  save: true
"""


def frames() -> Iterator[UInt8Array]:
    """Yield the frames of one round."""
    for index in range(ROUND):
        bgr = numbered_frame(index, SIZE)
        bgr[16:] = 90
        if (x := middle(index)) is not None:
            left = round(x * SIZE[0]) - WIDTH // 2
            cv2.rectangle(bgr, (left, 100), (left + WIDTH, 200), BLUE, cv2.FILLED)
        yield bgr


def middle(index: int) -> float | None:
    """Return where the object's middle is, as a fraction of the width; None: it is not in sight.

    index: of the frame, counted over all rounds
    """
    step = index % ROUND - FIRST
    return (BEGIN + STEP * step) / SIZE[0] if 0 <= step < STEPS else None


def passes(x: float, since: int, until: int) -> int:
    """Return how often the object's middle comes from the left of `x` to its right.

    since, until: the first and the last frame that are looked at
    """
    places = [middle(index) for index in range(since, until + 1)]
    return sum(a is not None and b is not None and a < x < b for a, b in pairwise(places))


@dataclass(frozen=True)
class PassingObject:
    """The site while it runs; file: its configuration; lines: its JSON lines."""

    visitor: Visitor
    file: Path
    lines: Path


@contextmanager
def passing_object(folder: Path) -> Iterator[PassingObject]:
    """Run the site; the engine `blue` must be known, see `blue_engine`."""
    clip = write_recording(folder / "clip.mp4", size=SIZE, pictures=frames())
    file = folder / "site.yaml"
    file.write_text(FILE.format(clip=clip, folder=folder), encoding="utf-8")
    config = load_config(file, [])
    with running_well(config) as run, web_server(run, config, file=file) as server:
        yield PassingObject(Visitor(server.port, run), file, folder / "gate.jsonl")
