"""Whatever foreign files describe a data set, it is read or refused with the file's name."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import UsageError
from trainer.data.data_errors import Findings, Policy
from trainer.data.datasets import CocoSpec, DataSpec, YoloSpec, load_dataset

BOUNDED = settings(max_examples=150, deadline=None)
numbers = st.one_of(
    st.integers(-3, 99),
    st.sampled_from([10**400, -(10**20), 0.5, -0.0]),
    st.floats(allow_nan=True, allow_infinity=True),
)
texts = st.one_of(
    st.sampled_from(["", "a", "a.png", "images", "5", "1e400", "../images", "\0", "n" * 300, "/"]),
    st.text(max_size=8),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
values = st.recursive(
    scalars,
    lambda inside: st.one_of(
        st.lists(inside, max_size=4), st.dictionaries(texts, inside, max_size=3)
    ),
    max_leaves=6,
)


def loosely(good: Any) -> Any:
    """Return a strategy of a good value, or of anything."""
    return st.one_of(st.just(good), values)


def objects(**fields: Any) -> Any:
    """Return a strategy of objects with some of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


ids, box = loosely(5), st.one_of(st.just([1, 2, 10, 20]), st.lists(scalars, max_size=5))
documents = objects(
    images=loosely([])
    | st.lists(
        objects(id=ids, file_name=loosely("a.png"), width=loosely(60), height=loosely(40)),
        min_size=1,
        max_size=3,
    ),
    categories=loosely([]) | st.lists(objects(id=ids, name=loosely("a")), min_size=1, max_size=2),
    annotations=loosely([])
    | st.lists(
        objects(id=ids, image_id=ids, category_id=ids, bbox=box, area=scalars)
        | objects(
            image_id=ids, category_id=ids, segmentation=st.lists(box) | values, iscrowd=values
        ),
        min_size=1,
        max_size=3,
    ),
)
descriptions = objects(
    path=values, train=loosely("images"), names=loosely(["a", "b"]), nc=loosely(2)
)
rows = st.lists(st.one_of(numbers.map(str), texts), max_size=9).map(" ".join)
labels = st.one_of(
    st.binary(max_size=40),
    st.lists(rows, max_size=4).map(lambda each: "\n".join(each).encode("utf-8", "ignore")),
)


def loads_or_refuses(spec: DataSpec, path: Path, policy: Policy) -> None:
    refused = ""
    try:
        data = load_dataset([spec], ["a", "b"], Findings(policy))
        for index in range(len(data)):
            sample = data[index]
            assert np.isfinite(sample.boxes_xyxy).all()
    except UsageError as error:
        refused = str(error)
    assert not refused or str(path.parent) in refused


def image(folder: Path) -> None:
    (folder / "images").mkdir()
    for name in ("a.png", "images/a.png"):
        cv2.imwrite(str(folder / name), np.zeros((40, 60, 3), np.uint8))


@BOUNDED
@given(documents, st.sampled_from(["refuse", "mend"]))
def test_any_json_is_read_or_refused(document: Any, policy: Policy) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        image(folder)
        (folder / "a.json").write_text(json.dumps(document))
        spec = CocoSpec(coco=folder / "a.json", images=folder)
        loads_or_refuses(spec, folder / "a.json", policy)


@BOUNDED
@given(
    st.binary(max_size=60) | st.text(max_size=60).map(lambda each: each.encode("utf-16", "ignore"))
)
def test_any_bytes_are_no_traceback(content: bytes) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        image(folder)
        for file in ("a.json", "data.yaml", "list.txt"):
            (folder / file).write_bytes(content)
        (folder / "listed.yaml").write_text("names: [a]\ntrain: list.txt\n")
        for spec in (
            CocoSpec(coco=folder / "a.json", images=folder),
            YoloSpec(yolo=folder / "data.yaml"),
            YoloSpec(yolo=folder / "listed.yaml"),
        ):
            loads_or_refuses(spec, folder / "a.json", "mend")


@BOUNDED
@given(descriptions, labels, st.sampled_from(["refuse", "mend"]))
def test_any_data_yaml_and_labels_are_read_or_refused(
    described: Any, label: bytes, policy: Policy
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        image(folder)
        (folder / "labels").mkdir()
        (folder / "labels/a.txt").write_bytes(label)
        text = yaml.safe_dump(described, allow_unicode=True)
        (folder / "data.yaml").write_bytes(text.encode("utf-8", "ignore"))
        loads_or_refuses(YoloSpec(yolo=folder / "data.yaml"), folder / "data.yaml", policy)
