"""Descriptions are read strictly, and both forms have the rows of the original."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from detector.errors import ModelError, UsageError
from detector.yolov7.description import Description, read_description
from tests.support.descriptions import FAMILY, edited

ORIGINAL_FORMS = {"training": "training", "deployed": "deploy"}


def graph(description: Description) -> list[list[object]]:
    """Return the rows in the format of the reference: absolute inputs, without constants."""
    return [
        [list(row.inputs), row.operation, [a for a in row.arguments if row.operation != "Upsample"]]
        for row in description.rows
    ]


def original_graph(reference: Path, name: str, form: str) -> list[list[object]]:
    facts = json.loads((reference / f"{name}.{ORIGINAL_FORMS[form]}.json").read_text())
    constant = ("Concat", "Upsample", "Shortcut", "Detect", "IDetect", "IAuxDetect")
    return [
        [
            [number + source if source < 0 else source for source in inputs],
            operation,
            [] if operation in constant else arguments[:3],  # then padding, groups, activation
        ]
        for number, inputs, operation, arguments in facts["graph"]
    ]


@pytest.mark.parametrize("name", FAMILY)
def test_the_deployed_form_has_the_rows_of_the_original(name: str, reference: Path) -> None:
    deployed = read_description(name).deployed()
    assert graph(deployed) == original_graph(reference, name, "deployed")
    assert deployed.deployed() == deployed


@pytest.mark.parametrize("name", [name for name in FAMILY if "training" in FAMILY[name]])
def test_the_training_form_has_the_rows_of_the_original(name: str, reference: Path) -> None:
    assert graph(read_description(name)) == original_graph(reference, name, "training")


def test_a_written_description_is_read_back_equal(tmp_path: Path) -> None:
    e6e = read_description("yolov7-e6e")
    e6e.write(tmp_path / "yolov7-e6e.yaml")
    again = read_description(tmp_path / "yolov7-e6e.yaml")
    assert again == e6e.model_copy(update={"published": None})


def test_a_misspelt_name_gets_a_suggestion() -> None:
    with pytest.raises(ModelError, match=r"unknown network 'yolov7-w5'; did you mean 'yolov7-w6'"):
        read_description("yolov7-w5")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("activation: leaky_relu\n", "", "edited.yaml: activation: missing"),
        ("activation:", "activaton:", "activaton: unknown key; did you mean 'activation'"),
        ("strides: [8, 16, 32]", "strides: 8", "strides: 8 given: .*should be a list"),
        ("[[-1], MP, []] # 8", "[[-1]] # 8", r"rows\.8\.1: \[\[-1\]\] given: field required"),
        ("[[-1], MP, []] # 8", "[[40], MP, []] # 8", r"row 8 \(MP\) reads \[40\]"),
        ("[[-1], MP, []] # 8", "[[-10], MP, []] # 8", r"row 8 \(MP\) reads \[-2\]"),
        ("[[-1], MP, []] # 8", "[[], MP, []] # 8", r"row 8 \(MP\) reads \[\]"),
        ("[[-1], MP, []] # 8", "[[-1], Detect, []] # 8", "the last row, and no other"),
        ("IDetect", "Concat", "the last row, and no other, must be one of Detect"),
        ("[[74, 75, 76], IDetect", "[[74, 75], IDetect", "3 strides.* take 3 and 3"),
        ("IDetect", "IAuxDetect", "3 inputs of IAuxDetect do not fit: 3 strides take 3 and 6"),
        ("strides: [8, 16, 32]", "strides: [8, 16]", "2 strides, 3 rows of anchors"),
    ],
)
def test_an_error_names_its_place_in_the_file(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        read_description(edited("yolov7-tiny", old, new, tmp_path))


def test_a_file_that_is_not_yaml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("rows: [")
    with pytest.raises(UsageError, match=r"broken\.yaml: not valid YAML"):
        read_description(path)
