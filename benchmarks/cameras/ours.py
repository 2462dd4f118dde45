"""Our pipeline, with attention on or off: a trial, and its accuracy."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from operator import add
from time import monotonic, sleep

import numpy as np

from benchmarks.cameras.clip import Clip, Shown
from benchmarks.cameras.serve import Cameras, cameras
from benchmarks.cameras.trial import SETTLE_SECONDS, Camera, Trial
from benchmarks.live.site import FOLDER, configuration, running_live
from benchmarks.live.watch import Watch
from pipeline.frames.decision import RESTS, Reason
from pipeline.run import Run
from trackers.evaluation.evaluate import Scores, evaluate
from trackers.evaluation.ignore_regions import without_ignored
from trackers.motchallenge.text import MotRows, read_mot

YOUNG_SECONDS = 2  # not measured: tracks of cameras that start amid traffic are young


@contextmanager
def _running(served: Cameras, attention: str) -> Iterator[Run]:
    urls = {f"cam-{number:02}": url for number, url in enumerate(served.urls)}
    texts = [str(FOLDER / "{stream}.txt")]
    config = configuration(urls, "street", "openvino", texts, attention=attention)
    with running_live(config) as run:
        sleep(SETTLE_SECONDS)
        yield run


def trial(
    clips: Sequence[Clip], count: int, seconds: float, attention: str
) -> tuple[Trial, dict[str, Scores]]:
    """Return what became of the frames of `count` cameras, and the scores of each clip's tracks."""
    with cameras(clips, count) as served, _running(served, attention) as run:
        before, cpu, began = _counted(run), served.cpu_seconds(), monotonic()
        watch = Watch(run)
        for _ in watch.looks(seconds, seconds):
            pass
        after, elapsed = _counted(run), monotonic() - began
        cpu = (served.cpu_seconds() - cpu) / elapsed
    shown = dict(zip(after, served.shown, strict=True))
    found = [
        Camera(
            float(shown[name].clip.fps),
            latency.count,
            after[name].lost - before[name].lost,
            latency.percentile(99),
            after[name].looks - before[name].looks,
            after[name].late - before[name].late,
        )
        for name, latency in watch.windows[0].items()
    ]
    frames = {name: counted.decoded for name, counted in after.items()}
    return Trial(found, watch.seconds, watch.cores_used, cpu), _accuracy(shown, frames)


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


def _accuracy(shown: Mapping[str, Shown], frames: Mapping[str, int]) -> dict[str, Scores]:
    """Return the scores of each clip over its cameras; frames: stream -> how many were decoded."""
    scores = defaultdict[str, list[Scores]](list)
    for name, count in frames.items():
        rows = read_mot(FOLDER / f"{name}.txt", with_classes=True)
        scores[shown[name].clip.name] += scores_by_class(shown[name], rows, count).values()
    return {clip: reduce(add, each) for clip, each in scores.items()}


def scores_by_class(shown: Shown, rows: MotRows, count: int) -> dict[int, Scores]:
    """Return the scores of a camera's tracks in its first `count` frames."""
    measured = np.arange(round(YOUNG_SECONDS * shown.clip.fps), count)
    truth = shown.truth(count).among(measured)
    rows = without_ignored(truth, rows.among(measured), shown.ignored(count))
    return evaluate(truth, rows, "classes")
