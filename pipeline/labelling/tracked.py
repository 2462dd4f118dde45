"""A model and a tracker over a labelled recording, as a run does it, and their HOTA."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from detector.errors import FramelaneError
from detector.labels.labelled import NO_TRACK, LabelledClip, LabelledSet
from pipeline.assembly.engine import open_engine
from pipeline.assembly.run import build
from pipeline.config import RunConfig
from pipeline.process_settings import apply_process_settings
from trackers.evaluation.evaluate import Evaluation, evaluate, gathered
from trackers.motchallenge.text import MotRows, read_mot


def has_tracks(labels: LabelledSet) -> bool:
    """Return whether the labels have tracks and these are all that is labelled."""
    boxes = [clip.boxes for clip in labels.clips]
    return any(len(each) for each in boxes) and all(
        (each.tracks != NO_TRACK).all() for each in boxes
    )


def scores(
    labels: LabelledSet, recordings: Mapping[str, str], model: str, engine: str | None, tracker: str
) -> Evaluation:
    """Return the scores of tracks against labels, of each clip that has a recording.

    Only classes that both the model and the labels have are compared, in frames that are labelled.
    recordings: by the name of their clip; engine: None: as the configuration of a run chooses
    Raises FramelaneError.
    """
    apply_process_settings()
    results = []
    for clip in labels.clips:
        if clip.name in recordings:
            names, rows = _tracked(recordings[clip.name], model, engine, tracker)
            common = [name for name in labels.classes if name in names]
            truth = _among(_truth(clip), labels.classes, common)
            rows = _among(rows.among(clip.frames + 1), names, common)
            results.append((clip.name, evaluate(truth, rows)))
    return gathered(results)


def _tracked(
    url: str, model: str, engine: str | None, tracker: str
) -> tuple[Sequence[str], MotRows]:
    """Return the classes of the model, and the tracks that a run finds in a recording."""
    described = {"name": model} | ({"engine": engine} if engine else {})
    with TemporaryDirectory() as folder:
        output = Path(folder, "tracks.txt")
        config = RunConfig.model_validate(
            {
                "sources": [url],
                "model": described,
                "tracker": tracker,
                "outputs": [str(output)],
            }
        )
        opened = open_engine(config)
        try:
            run = build(config, engine=opened)
            run.pipeline.start()
            run.pipeline.join()
            if run.pipeline.failures:
                raise FramelaneError(f"{url}: {run.pipeline.failures[0].error}")
            return opened.manifest.classes, read_mot(output, with_classes=True)
        finally:
            opened.close()


def _truth(clip: LabelledClip) -> MotRows:
    boxes = clip.boxes
    return MotRows(
        boxes.frames + 1,
        boxes.tracks,
        boxes.boxes_xyxy,
        (~boxes.ignored).astype(np.float64),
        boxes.class_ids,
    )


def _among(rows: MotRows, names: Sequence[str], common: Sequence[str]) -> MotRows:
    """Return the rows of common classes; class ids are positions among these."""
    positions = [common.index(name) if name in common else -1 for name in names]
    mapped = np.array(positions, np.int64)[rows.class_ids]
    kept = mapped >= 0
    return MotRows(
        rows.frames[kept],
        rows.ids[kept],
        rows.boxes_xyxy[kept],
        rows.scores[kept],
        mapped[kept],
    )
