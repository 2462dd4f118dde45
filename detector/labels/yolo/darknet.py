"""The older YOLO layout: `obj.data`, `obj.names` and a list of images for each split.

Darknet reads it, and CVAT and datumaro export it as "YOLO 1.1". The text files of boxes are beside
the images, in `obj_train_data`.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import PurePosixPath

from detector.errors import UsageError
from detector.labels.label_files import LabelFiles
from detector.labels.yolo.text import text_of

NAMES = "obj.names"
SPLITS = {"train": "train", "valid": "val", "val": "val", "test": "test"}  # Darknet's word: ours
_LINE = re.compile(r"\s*(\w+)\s*=\s*(.+?)\s*")


def darknet_file(files: LabelFiles) -> str | None:
    """Return the name of the file that describes this layout; None if there is none."""
    found = [
        each for each in files.names if each.endswith(".data") or posixpath.basename(each) == NAMES
    ]
    return min(found, key=lambda n: (n.count("/"), not n.endswith(".data"), n), default=None)


def darknet_content(files: LabelFiles, name: str) -> dict[str, str | list[str]]:
    """Return what a data.yaml would say: `names`, and the list of each split.

    name: of the obj.data, or of an obj.names without one, beside which the lists are
    Raises UsageError if it names a file that is not there.
    """
    base = posixpath.dirname(name)
    if name.endswith(".data"):
        lines = map(_LINE.fullmatch, text_of(files, name).splitlines())
        said = {each[1]: each[2].replace("\\", "/") for each in lines if each}
        names = _found(files, base, said.get("names", NAMES))
    else:
        said = {split: f"{split}.txt" for split in SPLITS}
        names = name
    if names is None:
        raise UsageError(f"{files.where(name)}: the names of the classes are not there: {NAMES}")
    places = {SPLITS[key]: _found(files, base, each) for key, each in said.items() if key in SPLITS}
    lists = {split: posixpath.relpath(each, base or ".") for split, each in places.items() if each}
    if not lists:
        raise UsageError(
            f"{files.where(name)}: no list of images is there: train.txt, valid.txt or test.txt, "
            "with the path of an image on each line, is expected beside it"
        )
    classes = [each.strip() for each in text_of(files, names).splitlines()]
    return {"names": [each for each in classes if each], **lists}


def _found(files: LabelFiles, base: str, value: str) -> str | None:
    """Return the file that a path of another machine means: the longest end of it that is there."""
    known = set(files.names)
    parts = [part for part in PurePosixPath(value).parts if part not in ("/", ".")]
    ends = (posixpath.join(base, *parts[k:]) for k in range(len(parts)))
    return next((each for each in ends if each in known), None)
