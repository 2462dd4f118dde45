"""Labelled clips, and what the model detects in each of their frames, kept between runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.attention.calm_street import CalmStreet
from detector.detections import Detections
from detector.engines import make_engine
from detector.manifest import Manifest
from detector.weights.zoo import find_model
from pipeline.frames.batch import Ready
from pipeline.frames.frame import Frame
from pipeline.runtime.ledger import Ledger
from pipeline.sources.file import VideoFileSource
from pipeline.sources.street.labelled_clip import write_clip
from pipeline.sources.synthetic import Synthetic
from pipeline.stages.decode import Decode
from pipeline.stages.infer import Collect, Submit
from pipeline.stages.preprocess import Preprocess
from pipeline.stages.suppress import Suppress

CONFIDENCE = 0.1  # of a run with a tracker
BUSY_SEEDS, BUSY_FRAMES = (0, 1, 3), 500
CALM_SEEDS, CALM_FRAMES = (4, 5), 1500


@dataclass(frozen=True)
class Clip:
    """A video, its ground truth in MOTChallenge text, and whether something moves most of it."""

    video: Path
    truth: Path
    busy: bool

    @property
    def name(self) -> str:
        """A short name for a table."""
        return self.video.stem


def clips(data: Path | None, folder: Path) -> Iterator[Clip]:
    """Yield the street clips in `data`, if given, and streets drawn into `folder`."""
    if data:
        for video in sorted((data / "street" / "videos").glob("*.mp4")):
            yield Clip(video, data / "street" / "gt" / f"{video.stem}.txt", busy=True)
    yield from streets(folder, BUSY_SEEDS, CALM_SEEDS)


def streets(folder: Path, busy: Iterable[int], calm: Iterable[int]) -> Iterator[Clip]:
    """Yield the streets of these seeds, drawn into `folder`."""
    for seed in busy:
        source = Synthetic(f"synthetic:{seed}", counter=False)
        yield _drawn(source, folder, f"busy-{seed}", BUSY_FRAMES)
    for seed in calm:
        yield _drawn(CalmStreet(seed), folder, f"calm-{seed}", CALM_FRAMES)


def _drawn(source: Synthetic | CalmStreet, folder: Path, name: str, frames: int) -> Clip:
    clip = Clip(folder / "videos" / f"{name}.mp4", folder / "gt" / f"{name}.txt", "busy" in name)
    if not clip.truth.is_file():
        write_clip(source, folder, name, frames)
    return clip


def frames(clip: Clip) -> Iterator[Frame]:
    """Yield every frame of a clip."""
    source = VideoFileSource(str(clip.video), clip.name)
    with closing(Decode(source, Ledger())) as decode:
        decode.open()
        for item in source:
            yield from decode.process(item)


def detections(clip: Clip, folder: Path) -> list[Detections]:
    """Return the detections of every frame, in source pixels, from the cache if they are there."""
    path = folder / f"{clip.name}.npz"
    if not path.is_file():
        found = list(_detected(clip))
        np.savez(
            path,
            counts=[len(each) for each in found],
            boxes=np.concatenate([each.boxes_xyxy for each in found]),
            scores=np.concatenate([each.scores for each in found]),
            class_ids=np.concatenate([each.class_ids for each in found]),
        )
    kept = np.load(path)
    every = Detections(kept["boxes"], kept["scores"], kept["class_ids"])
    ends = np.cumsum(kept["counts"]).tolist()
    return [every[slice(a, b)] for a, b in zip([0, *ends[:-1]], ends, strict=True)]


def _detected(clip: Clip) -> Iterator[Detections]:
    """Run the bundled model on every frame, with the stages of a run."""
    model = find_model("street")
    manifest = Manifest.beside(model)
    preprocess, collect = Preprocess(manifest.input_size), Collect()
    suppress = Suppress(
        confidence=CONFIDENCE,
        iou=manifest.nms_iou,
        classes=None,
        agnostic=False,
        max_detections=300,
    )
    submit = Submit(lambda: make_engine("openvino", model))
    submit.open()
    try:
        for frame in frames(clip):
            for batch in preprocess.process(Ready((frame,))):
                for pending in submit.process(batch):
                    for inferred in collect.process(pending):
                        yield from (each.detections for each in suppress.process(inferred))
    finally:
        submit.close_engine()
