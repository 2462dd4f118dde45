"""The data of a recipe: the description of its parts, and how they become one data set."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import reduce
from itertools import accumulate
from operator import add
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from detector.errors import UsageError
from trainer.data.clip import Clip
from trainer.data.coco import CocoFile
from trainer.data.counts import Counts
from trainer.data.data_errors import Findings
from trainer.data.labelled_set import LabelledPart
from trainer.data.samples import Part, Sample
from trainer.data.yolo import YoloFolder


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    repeat: int = Field(default=1, ge=1, description="how often an epoch shows each image")


class YoloSpec(_Part):
    """A split of a data set in YOLO layout."""

    yolo: Path = Field(description="path of data.yaml")
    split: str = Field(default="train", description="the key in data.yaml that names the images")

    def load(self, classes: Sequence[str], findings: Findings) -> Part:
        """Return the data set; class ids are positions in `classes`."""
        return YoloFolder(self.yolo, self.split, classes, findings)


class CocoSpec(_Part):
    """A data set in COCO's format."""

    coco: Path = Field(description="path of the JSON file of annotations")
    images: Path = Field(description="folder of the images")

    def load(self, classes: Sequence[str], findings: Findings) -> Part:
        """Return the data set; class ids are positions in `classes`."""
        return CocoFile(self.coco, self.images, classes, findings)


class ClipSpec(_Part):
    """Frames of a clip with MOT-style labels."""

    clip: Path = Field(description="path of the video, in videos/ beside gt/ and ignore/")
    frames: tuple[int, int] | None = Field(
        default=None, description="first and last frame, from 1; default: all"
    )
    every: int = Field(default=1, ge=1, description="use each k-th frame")

    @model_validator(mode="after")
    def _check_order(self) -> ClipSpec:
        if self.frames and not 1 <= self.frames[0] <= self.frames[1]:
            raise ValueError(f"frames {list(self.frames)}: [first, last] is expected, from 1")
        return self

    def load(self, classes: Sequence[str], findings: Findings) -> Part:
        """Return the data set; class ids are positions in `classes`."""
        return Clip(self.clip, classes, findings, self.frames, self.every)


class LabelsSpec(_Part):
    """Labels of an annotation tool: CVAT, COCO with videos, YOLO, Label Studio or MOTChallenge."""

    labels: Path = Field(description="a file, a folder or a zip of labels")
    video: Path | None = Field(
        default=None,
        description="the recording of the labels, or a folder of recordings called as the clips; "
        "default: the images beside the labels",
    )
    images: Path | None = Field(default=None, description="folder or zip of the images")
    split: str | None = Field(default=None, description="only this split; default: all")
    every: int = Field(default=1, ge=1, description="use each k-th frame")

    def load(self, classes: Sequence[str], findings: Findings) -> Part:
        """Return the data set; class ids are positions in `classes`."""
        return LabelledPart(
            self.labels,
            classes,
            findings,
            video=self.video,
            images=self.images,
            split=self.split,
            every=self.every,
        )


def _kind(part: Any) -> str | None:
    """Return the kind of a part. An error is then reported for that kind only."""
    keys = part if isinstance(part, dict) else getattr(part, "model_fields_set", ())
    return next((kind for kind in ("yolo", "coco", "clip", "labels") if kind in keys), None)


DataSpec = Annotated[
    Annotated[YoloSpec, Tag("yolo")]
    | Annotated[CocoSpec, Tag("coco")]
    | Annotated[ClipSpec, Tag("clip")]
    | Annotated[LabelsSpec, Tag("labels")],
    Discriminator(
        _kind,
        custom_error_type="kind_of_data",
        custom_error_message="'yolo: data.yaml', 'coco: annotations.json', 'clip: video' or "
        "'labels: cvat.zip' is expected",
    ),
]


def load_dataset(
    spec: Sequence[DataSpec], classes: Sequence[str], findings: Findings | None = None
) -> Joined:
    """Return the images of all parts in order, repeated as each part says.

    Paths are relative to the working directory. `findings` collects the errors in the data, with
    file and line. Raises UsageError if there are any and the policy of `findings` is to refuse.
    """
    findings = findings or Findings()
    loaded = [(part.load(classes, findings), part.repeat) for part in spec]
    findings.raise_if_refused()
    counts = reduce(add, (part.counts for part, _ in loaded))
    return Joined([part for part, repeat in loaded for _ in range(repeat)], counts)


def load_training_data(
    spec: Sequence[DataSpec], classes: Sequence[str], findings: Findings | None = None
) -> Joined:
    """Return the images as `load_dataset` does. Also raises UsageError if there is no object."""
    data = load_dataset(spec, classes, findings)
    if not data.counts.objects:
        raise UsageError(
            f"data.train: {data.counts}: there is nothing to learn; give labelled images "
            "(docs/training.md says where the label files must be)"
        )
    return data


def load_evaluation_data(
    spec: Sequence[DataSpec], classes: Sequence[str], findings: Findings | None = None
) -> Joined:
    """Return the images as `load_dataset` does. Also raises UsageError if no image is left."""
    data = load_dataset(spec, classes, findings)
    if not len(data):
        raise UsageError(
            "no image can be used for the evaluation: correct the mistakes in its data"
        )
    return data


class Joined:
    """Several data sets, concatenated."""

    def __init__(self, parts: Sequence[Part], counts: Counts) -> None:
        """Join parts; counts: images and objects of all parts, without repetitions."""
        self.counts = counts
        self._parts = parts
        self._ends = list(accumulate(len(part) for part in parts))
        self.random_access = all(part.random_access for part in parts)

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: int) -> Sample:
        part = bisect_right(self._ends, index)
        start = self._ends[part - 1] if part else 0
        return self._parts[part][index - start]
