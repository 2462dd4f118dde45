"""framelane evaluate with labels of a recording: average precision and HOTA."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import CliRunner

from detector.labels.formats import write_labels
from detector.labels.labelled import NO_TRACK, LabelledSet
from detector.labels.thin import among
from pipeline.commands.framelane import main
from tests.support import labels as made

FIRST, COUNT = 75, 14  # frames of a clip in which a car is seen as a whole


@pytest.fixture(scope="module")
def recording(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few frames of a street clip."""
    path = tmp_path_factory.mktemp("evaluate") / "clip.mp4"
    with av.open(str(data / "street/videos/car-detection.mp4")) as source:
        frames = [frame for frame, _ in zip(source.decode(video=0), range(200), strict=False)]
    with av.open(str(path), "w") as output:
        stream = output.add_stream("mpeg4", Fraction(25, 2))
        stream.width, stream.height, stream.bit_rate = 768, 432, 8_000_000
        for k, frame in enumerate(frames[FIRST : FIRST + COUNT]):
            image = av.VideoFrame.from_ndarray(frame.to_ndarray(format="bgr24"), format="bgr24")
            image.pts = k
            output.mux(stream.encode(image))
        output.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def labels(data: Path) -> LabelledSet:
    """The truth of these frames."""
    street = made.street(data)
    clip = next(each for each in street.clips if each.name == "car-detection")
    kept = among(clip, (clip.frames >= FIRST) & (clip.frames < FIRST + COUNT))
    boxes = replace(kept.boxes, frames=kept.boxes.frames - FIRST)
    moved = replace(kept, boxes=boxes, frames=kept.frames - FIRST, frame_count=COUNT)
    return LabelledSet(street.classes, (moved,))


def evaluate(*words: object) -> str:
    done = CliRunner().invoke(main, ["evaluate", *map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_labels_of_cvat_with_tracks_give_average_precision_and_hota(
    recording: Path, labels: LabelledSet, tmp_path: Path
) -> None:
    write_labels(labels, tmp_path / "a.cvat.zip")
    shown = evaluate("street", "--labels", tmp_path / "a.cvat.zip", "--video", recording)
    assert f"{COUNT} images, {labels.box_count} objects" in shown
    ap = re.search(r"all +│ mean +│ +(\d+) │ +([\d.]+)", shown)
    assert ap and int(ap[1]) == labels.box_count and float(ap[2]) > 0.9
    tracks = re.search(r"^all +([\d.]+) .* (\d+)$", shown, re.M)
    assert tracks and 0.5 < float(tracks[1]) <= 1 and int(tracks[2]) == labels.box_count


def test_labels_without_tracks_give_no_hota(
    recording: Path, labels: LabelledSet, tmp_path: Path
) -> None:
    (clip,) = labels.clips
    boxes = replace(clip.boxes, tracks=np.full(len(clip.boxes), NO_TRACK))
    given = LabelledSet(labels.classes, (replace(clip, boxes=boxes),))
    write_labels(given, tmp_path / "a.coco.json")
    shown = evaluate("street", "--labels", tmp_path / "a.coco.json", "--video", recording)
    assert "no HOTA: the labels have no tracks" in shown and "│ mean" in shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no model given"),
        (["street"], "give either --data RECIPE or --labels LABELS"),
        (["street", "--labels", "none.cvat.zip"], "none.cvat.zip: "),
    ],
)
def test_what_is_missing_is_an_error_of_one_line(words: list[str], message: str) -> None:
    done = CliRunner().invoke(main, ["evaluate", *words])
    assert done.exit_code == 2 and message in done.output and done.output.count("\n") == 1
