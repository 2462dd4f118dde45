"""Class names are read from lists and from the files that people have."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.errors import UsageError
from detector.export.adapters.class_names import names_in, read_names


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("names.txt", "person\ntraffic light\ncar\n\n"),
        ("coco.names", "person\ntraffic light\ncar"),
        ("data.yaml", "train: images\nnames: [person, traffic light, car]\n"),
        ("data.yml", "names:\n  0: person\n  1: traffic light\n  2: car\n"),
    ],
)
def test_names_are_read_from_a_file(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    assert read_names(str(tmp_path / name)) == ("person", "traffic light", "car")


def test_names_may_be_a_list() -> None:
    assert read_names("person, traffic light,car") == ("person", "traffic light", "car")


@pytest.mark.parametrize("given", ["", ",", "a,,b"])
def test_a_list_without_a_name_for_each_class_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match="has no name for each class: give names separated by"):
        read_names(given)


def test_a_data_yaml_without_names_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text("train: images\n")
    with pytest.raises(UsageError, match=r"or a data.yaml with `names`"):
        read_names(str(tmp_path / "data.yaml"))


def test_an_empty_name_in_metadata_becomes_a_number() -> None:
    assert names_in({"names": {0: "dog", 1: ""}}) == ("dog", "class 1")
