"""Our pipeline, with attention on or off: a trial, and its accuracy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from operator import add
from time import monotonic, sleep

import numpy as np

from benchmarks.cameras.material import Cameras, Material, cameras
from benchmarks.cameras.trial import SETTLE_SECONDS, Camera, Trial
from benchmarks.live.site import FOLDER, configuration, running_live
from benchmarks.live.watch import Watch
from pipeline.frames.decision import RESTS, Reason
from pipeline.run import Run
from trackers.evaluation.evaluate import Scores, evaluate
from trackers.motchallenge.text import read_mot

FIRST_FRAME = 50  # of the accuracy: until then tracks of cameras that start amid traffic are young


@contextmanager
def _running(shown: Cameras, attention: str) -> Iterator[Run]:
    urls = {f"cam-{number:02}": url for number, url in enumerate(shown.urls)}
    texts = [str(FOLDER / "{stream}.txt")]
    config = configuration(urls, "street", "openvino", texts, attention=attention)
    with running_live(config) as run:
        sleep(SETTLE_SECONDS)
        yield run


def trial(material: Material, count: int, seconds: float, attention: str) -> tuple[Trial, Scores]:
    """Return what became of the frames of `count` cameras, and how accurate their tracks are."""
    with cameras(material, count) as shown, _running(shown, attention) as run:
        before, cpu, began = _counted(run), shown.cpu_seconds(), monotonic()
        watch = Watch(run)
        for _ in watch.looks(seconds, seconds):
            pass
        after, elapsed = _counted(run), monotonic() - began
        cpu = (shown.cpu_seconds() - cpu) / elapsed
    found = [
        Camera(
            latency.count,
            after[name].lost - before[name].lost,
            latency.percentile(99),
            after[name].looks - before[name].looks,
            after[name].late - before[name].late,
        )
        for name, latency in watch.windows[0].items()
    ]
    frames = {name: counted.decoded for name, counted in after.items()}
    return Trial(found, watch.seconds, watch.cores_used, cpu), _accuracy(material, frames)


@dataclass(frozen=True, slots=True)
class _Counts:
    decoded: int
    lost: int
    looks: int
    late: int


def _counted(run: Run) -> dict[str, _Counts]:
    """Return what is counted of each stream so far."""
    found = {}
    for stream in run.streams:
        balance = run.pipeline.ledger.balance(stream.name)
        lost = sum(each.total() for each in (balance.skipped, balance.dropped, balance.failed))
        why = Counter(stream.attention.counts if stream.attention else {})
        looks = sum(count for reason, count in why.items() if reason not in RESTS)
        found[stream.name] = _Counts(
            balance.decoded, lost, looks, why[Reason.BUSY] + why[Reason.UNDER_WAY]
        )
    return found


def _accuracy(material: Material, frames: Mapping[str, int]) -> Scores:
    """Return the scores of all cameras; frames: stream -> how many were decoded."""
    scores: list[Scores] = []
    for (name, count), start in zip(frames.items(), material.starts(len(frames)), strict=True):
        rows = read_mot(FOLDER / f"{name}.txt", with_classes=True)
        measured = np.arange(FIRST_FRAME, count)
        truth = material.rows(start, count).among(measured)
        scores += evaluate(truth, rows.among(measured), "classes").values()
    return reduce(add, scores)
