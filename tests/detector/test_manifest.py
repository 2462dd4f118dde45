"""A manifest is read strictly and describes one file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector.errors import ModelError
from detector.manifest import Manifest, manifest_path, model_sha256, sha256_of
from detector.resources import models
from detector.tolerance import Tolerance, usual_tolerances

# sha256 of "abc": FIPS 180-2, appendix B.1
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
MANIFEST = Manifest(
    classes=("person", "bicycle"),
    input_size=(256, 448),
    strides=(8, 16, 32),
    precision="fp32",
    max_batch=8,
    dynamic_batch=True,
    top_k=512,
    pad_value=114,
    onnx_sha256=ABC,
    weights_sha256=None,
    tools={"torch": "2.13"},
    accuracy={"AP50": 0.9},
    source_sha256=ABC,
    float_layers=("/model.63/conv",),
    tolerance={"int8": Tolerance(pixels=4.5, score=0.1, share=0.9)},
)


def written(path: Path, **changed: Any) -> Path:
    """Write a correct manifest with some keys changed; ... removes a key."""
    values = {**json.loads(json.dumps(asdict(MANIFEST))), **changed}
    path.write_text(json.dumps({k: v for k, v in values.items() if v is not ...}))
    return path


def test_a_written_manifest_is_read_back_equal(tmp_path: Path) -> None:
    path = tmp_path / "street.json"
    MANIFEST.write(path)
    assert Manifest.read(path) == MANIFEST
    assert [entry.name for entry in tmp_path.iterdir()] == ["street.json"]


def test_the_file_is_plain_json(tmp_path: Path) -> None:
    MANIFEST.write(tmp_path / "street.json")
    values = json.loads((tmp_path / "street.json").read_text())
    assert values["classes"] == ["person", "bicycle"]
    assert values["input_size"] == [256, 448]


def test_the_bytes_that_are_written_do_not_change(tmp_path: Path) -> None:
    shipped = models("street", "street.json")
    Manifest.read(shipped).write(tmp_path / "street.json")
    assert (tmp_path / "street.json").read_bytes() == shipped.read_bytes()


def test_the_manifest_lies_beside_its_model(tmp_path: Path) -> None:
    model = tmp_path / "street.onnx"
    model.write_bytes(b"abc")
    written(tmp_path / "street.json")
    manifest = Manifest.beside(model)
    assert manifest == MANIFEST
    manifest.verify(model)


def test_another_file_under_the_same_name_is_refused(tmp_path: Path) -> None:
    model = tmp_path / "street.onnx"
    model.write_bytes(b"abd")
    with pytest.raises(ModelError, match=r"is not the file its manifest describes.*ba7816bf8f01"):
        MANIFEST.verify(model)


def test_a_manifest_older_than_quantisation_is_still_read(tmp_path: Path) -> None:
    keys = ("nms_iou", "source_sha256", "float_layers", "score_odds", "tolerance")
    later = dict.fromkeys(keys, ...)
    manifest = Manifest.read(written(tmp_path / "street.json", **later))
    assert manifest.nms_iou == 0.45
    assert (manifest.source_sha256, manifest.float_layers) == (None, ())
    assert manifest.score_odds == 1
    assert manifest.tolerance_of("int8") == usual_tolerances((256, 448))["int8"]


def test_the_tolerance_is_the_manifests_or_else_the_usual_one() -> None:
    assert MANIFEST.tolerance_of("int8").pixels == 4.5
    assert MANIFEST.tolerance_of("fp16") == usual_tolerances((256, 448))["fp16"]


def test_the_hash_of_an_openvino_model_covers_both_files(tmp_path: Path) -> None:
    model = tmp_path / "street.xml"
    model.write_bytes(b"a")
    with pytest.raises(ModelError, match=r"has no 'street\.bin' beside it"):
        model_sha256(model)
    (tmp_path / "street.bin").write_bytes(b"bc")
    assert model_sha256(model) == ABC
    MANIFEST.verify(model)
    (tmp_path / "street.bin").write_bytes(b"bd")
    with pytest.raises(ModelError, match="is not the file its manifest describes"):
        MANIFEST.verify(model)


def test_a_missing_model_or_manifest_is_named(tmp_path: Path) -> None:
    model = tmp_path / "street.onnx"
    with pytest.raises(ModelError, match=r"no model '.*street\.onnx'"):
        Manifest.beside(model)
    model.write_bytes(b"abc")
    with pytest.raises(ModelError, match=r"has no manifest 'street\.json' beside it: export it"):
        Manifest.beside(model)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"top_k": ...}, "top_k is missing"),
        ({"colour": "RGB"}, "colour is not known"),
        ({"top_k": ..., "topk": 512}, "top_k is missing, topk is not known"),
        ({"classes": []}, "classes is [], must be a list of names"),
        ({"classes": ["person", 3]}, "classes is ['person', 3], must be a list of names"),
        ({"classes": "person"}, "classes is 'person', must be a list of names"),
        ({"input_size": [640]}, "input_size is [640], must be [height, width] in pixels"),
        ({"input_size": [640.0, 640]}, "input_size is [640.0, 640], must be"),
        ({"strides": [8, 0]}, "strides is [8, 0], must be"),
        ({"precision": "FP32"}, "precision is 'FP32', must be one of fp32, fp16, int8"),
        ({"precision": ["fp32"]}, "precision is ['fp32'], must be one of"),
        ({"max_batch": 0}, "max_batch is 0, must be a number from 1"),
        ({"max_batch": True}, "max_batch is True, must be a number from 1"),
        ({"dynamic_batch": 1}, "dynamic_batch is 1, must be true or false"),
        ({"top_k": "512"}, "top_k is '512', must be a number from 1"),
        ({"pad_value": 256}, "pad_value is 256, must be a number from 0 to 255"),
        ({"onnx_sha256": "abc"}, "onnx_sha256 is 'abc', must be 64 hexadecimal digits"),
        ({"onnx_sha256": None}, "onnx_sha256 is None, must be"),
        ({"weights_sha256": 7}, "weights_sha256 is 7, must be 64 hexadecimal digits or null"),
        ({"tools": {"torch": 2}}, "tools is {'torch': 2}, must be names with versions"),
        ({"accuracy": {"AP50": "0.9"}}, "accuracy is {'AP50': '0.9'}, must be names with numbers"),
        ({"accuracy": None}, "accuracy is None, must be names with numbers"),
        ({"nms_iou": 1.5}, "nms_iou is 1.5, must be a number from 0 to 1"),
        ({"source_sha256": "abc"}, "source_sha256 is 'abc', must be 64 hexadecimal digits or null"),
        ({"float_layers": [3]}, "float_layers is [3], must be a list of names"),
        ({"score_odds": 0}, "score_odds is 0, must be a number above 0"),
        ({"tolerance": {"int8": {}}}, "must be precisions with pixels, score and share"),
        ({"tolerance": {"int8": {"pixels": 1, "score": "a", "share": 1}}}, "must be precisions"),
        ({"tolerance": []}, "tolerance is [], must be precisions"),
    ],
)
def test_a_wrong_manifest_is_refused_with_the_key_and_what_is_accepted(
    changed: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelError) as caught:
        Manifest.read(written(tmp_path / "street.json", **changed))
    assert message in str(caught.value) and "street.json" in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "\ufeff\udcff", "[]", "3"])
def test_a_file_that_is_not_a_json_object_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "street.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(
        ModelError, match=r"street\.json': (not JSON: \w+|it must be a JSON object)"
    ):
        Manifest.read(path)


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
def test_the_hash_is_sha256_for_every_size(size: int, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\x5a" * size)
    assert sha256_of(path) == hashlib.sha256(b"\x5a" * size).hexdigest()


@pytest.mark.parametrize(
    ("dynamic", "n", "accepted"),
    [
        (True, 0, False),
        (True, 1, True),
        (True, 8, True),
        (True, 9, False),
        (False, 1, False),
        (False, 8, True),
    ],
)
def test_a_batch_has_the_size_that_the_manifest_says(dynamic: bool, n: int, accepted: bool) -> None:
    manifest = replace(MANIFEST, dynamic_batch=dynamic)
    images = np.zeros((n, 256, 448, 3), np.uint8)
    if accepted:
        manifest.check_images(images)
    else:
        with pytest.raises(ModelError, match=rf"not uint8 \({n}, 256, 448, 3\)"):
            manifest.check_images(images)


def test_the_dots_in_a_model_name_are_kept(tmp_path: Path) -> None:
    assert manifest_path(tmp_path / "street.v2.onnx") == tmp_path / "street.v2.json"
