"""Labels that are damaged in any place end in errors for the user, never in a traceback."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import UsageError
from detector.labels.draft import ClipDraft, built_set
from detector.labels.findings import Findings
from detector.labels.formats import Format, read_labels, write_labels
from detector.labels.labelled import LabelledBox, Mark
from tests.support import labels as made

STRANGE: list[Any] = [
    "",
    "-1",
    "1e999",
    "nan",
    "0",
    "x" * 50,
    "\ud800",
    None,
    [],
    {},
    -5,
    2**70,
    1e300,
    True,
]
TEXTS = [b"", b"-1", b"nan", b"1e999", b"\xff\xfe", b"<", b'"', b"9" * 400, b"\x00", b"\n", b"&x;"]


def written(each: Format) -> dict[str, bytes]:
    """Return the files of a small set in a format."""
    rows = [
        LabelledBox(k, (1.0, 2.0, 9.0, 8.0), k % 2, 3, 0.5, Mark.DETECTED, attributes={"a": "b"})
        for k in (0, 1, 4)
    ]
    draft = ClipDraft("door", rows, set(range(6)), 6, (10, 20))
    with TemporaryDirectory() as folder:
        path = Path(folder, made.NAMES[each])
        write_labels(built_set(["cat", "dog"], [draft], Findings()), path)
        if path.suffix != ".zip":
            return {path.name: path.read_bytes()}
        with ZipFile(path) as file:
            return {name: file.read(name) for name in file.namelist()}


def read(each: Format, files: dict[str, bytes]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, made.NAMES[each])
        if path.suffix == ".zip":
            packed = io.BytesIO()
            with ZipFile(packed, "w") as file:
                for name, data in files.items():
                    file.writestr(name, data)
            path.write_bytes(packed.getvalue())
        else:
            path.write_bytes(next(iter(files.values())))
        with suppress(UsageError):
            read_labels(path, Findings())


@pytest.mark.parametrize("each", Format)
@settings(max_examples=15)
@given(data=st.data())
def test_damaged_bytes_are_read_or_refused(each: Format, data: st.DataObject) -> None:
    files = written(each)
    name = data.draw(st.sampled_from(sorted(files)))
    content = files[name]
    start = data.draw(st.integers(0, len(content)))
    end = min(len(content), start + data.draw(st.integers(0, 12)))
    put = data.draw(st.sampled_from(TEXTS))
    read(each, files | {name: content[:start] + put + content[end:]})


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


@pytest.mark.parametrize("each", [Format.COCO, Format.LABEL_STUDIO])
def test_any_value_of_a_json_may_be_another_one(each: Format) -> None:
    ((name, content),) = written(each).items()
    for number, path in enumerate(places(json.loads(content))):
        document = [json.loads(content)]
        place: Any = document
        for key in (0, *path)[:-1]:
            place = place[key]
        place[(0, *path)[-1]] = STRANGE[number % len(STRANGE)]
        read(each, {name: json.dumps(document[0]).encode()})
