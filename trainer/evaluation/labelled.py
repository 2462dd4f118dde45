"""Labelled images for any model, in the classes of the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from detector.errors import UsageError
from detector.export.adapters.class_names import numbered_names
from detector.labels.coco.fields import category, image_entry, read_coco
from detector.labels.findings import Findings as LabelFindings
from detector.labels.formats import read_labels
from trainer.data.data_errors import Findings
from trainer.data.data_yaml import DataYaml
from trainer.data.datasets import (
    CocoSpec,
    DataSpec,
    Joined,
    LabelsSpec,
    YoloSpec,
    load_evaluation_data,
)

JSON, YAML = (".json",), (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Labelled:
    """Labelled images, and the classes that they are scored in.

    classes: names, in the order of the model's scores
    unknown: classes of the labels that the model does not know: their objects are left out
    mistakes: in the data, mended or left out
    """

    images: Joined
    classes: tuple[str, ...]
    unknown: tuple[str, ...]
    mistakes: tuple[str, ...]


def load_labelled(
    labels: Path,
    known: Sequence[str],
    *,
    images: Path | None = None,
    split: str = "val",
    video: Path | None = None,
) -> Labelled:
    """Return the images that labels belong to, labelled with the classes of a model.

    labels: a data.yaml, a COCO JSON, or any other file, folder or zip that `detector.labels` reads

    known: the classes of the model; if they are only numbered, and as many as those of the data,
        they are the classes of the data in their order
    images: folder of the images; None: as usual for such files
    split: of the data.yaml
    video: the recording of the labels, or a folder of recordings called as their clips
    Raises UsageError for a file of another kind, and if the model knows none of the classes.
    """
    if video is not None or labels.suffix not in (*YAML, *JSON):
        named = list(read_labels(labels, LabelFindings()).classes)
        spec: DataSpec = LabelsSpec(labels=labels, video=video, images=images)
    else:
        spec, named = _spec(labels, images, split)
    if not named:
        raise UsageError(f"{labels}: labels no object, so that there is nothing to compare with")
    classes = tuple(known)
    if classes == numbered_names(len(named)):
        classes = tuple(named)
    if not set(classes) & set(named):
        raise UsageError(
            f"the model knows {_few(known)}, but {labels} labels {_few(named)}: name the classes "
            "of the model as the data does: `framelane models export FILE --names NAMES`"
        )
    findings = Findings("mend")
    found = load_evaluation_data([spec], classes, findings)
    unknown = tuple(name for name in named if name not in classes)
    mistakes = tuple(line for line in findings.lines if "has the class '" not in line)
    return Labelled(found, classes, unknown, mistakes)


def _spec(labels: Path, images: Path | None, split: str) -> tuple[DataSpec, list[str]]:
    """Return the description of the data, and the names of its classes."""
    if labels.suffix in YAML:
        if images is not None:
            raise UsageError(
                f"--images {images} given, but {labels} names its images: leave it out"
            )
        return YoloSpec(yolo=labels, split=split), list(DataYaml(labels).names)
    content = read_coco(labels)
    named = [category(item, f"{labels}: categories")[1] for item in content["categories"]]
    first = next(iter(content["images"]), None)
    name = image_entry(first, f"{labels}: images[0]").file_name if first else ""
    return CocoSpec(coco=labels, images=images or _folder(labels, name)), named


def _folder(labels: Path, name: str) -> Path:
    """Return the folder of the images of a COCO JSON, by its first image."""
    places = list(_places(labels))
    found = next((place for place in places if (place / name).is_file()), None)
    if found is None:
        raise UsageError(
            f"'{name}', the first image of {labels}, is in none of "
            f"{', '.join(map(str, places))}: give the folder with --images"
        )
    return found


def _places(labels: Path) -> Iterator[Path]:
    """Yield where the images may be: beside the JSON, or as COCO and its tools arrange them."""
    split = labels.stem.rpartition("_")[2]  # instances_val2017 -> val2017
    for folder in (labels.parent, labels.parent.parent):
        yield from (folder, folder / "images", folder / split, folder / "images" / split)


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
