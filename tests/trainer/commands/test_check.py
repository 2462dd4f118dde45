"""`framelane models check` scores a model against labels, and notes that in its manifest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result
from onnx import helper, numpy_helper

from detector.manifest import Manifest, manifest_path
from detector.weights.zoo import find_model
from pipeline.commands.framelane import main
from tests.support.paths import ROOT

CAP = 100  # seconds
SIZE = (64, 96)
NAMES = ("person", "dog", "car")
BOXES = np.array(  # of every image: x1, y1, x2, y2, score, class
    [[8, 8, 24, 40, 0.9, 0], [48, 16, 80, 48, 0.8, 1], [30, 30, 40, 40, 0.0, 2]], np.float32
)
LABELS = {  # per image: class, box; the person is always found, the dog in one image of two
    "a": [("person", (8, 8, 24, 40)), ("dog", (48, 16, 80, 48))],
    "b": [("person", (8, 8, 24, 40)), ("dog", (0, 50, 20, 60))],
}
# The dog of the first image is found, and then one is found in the second where none is: precision
# is 1 up to a recall of 1 of 2, which are 51 of COCO's 101 points
AP_OF_DOG = 51 / 101


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAMELANE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def write_model(path: Path, names: tuple[str, ...] | None = NAMES) -> Path:
    """Write a foreign file that finds the same boxes in every image."""
    images = helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, (1, 3, *SIZE))
    rows = helper.make_tensor_value_info("output0", onnx.TensorProto.FLOAT, (1, 3, 6))
    nodes = [
        helper.make_node("ReduceMax", ["images"], ["largest"], keepdims=0),
        helper.make_node("Mul", ["largest", "zero"], ["nothing"]),
        helper.make_node("Add", ["boxes", "nothing"], ["output0"]),
    ]
    constants = [
        numpy_helper.from_array(BOXES[None], "boxes"),
        numpy_helper.from_array(np.array(0, np.float32), "zero"),
    ]
    graph = helper.make_graph(nodes, "boxes", [images], [rows], constants)
    opsets = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    if names:
        helper.set_model_props(model, {"names": str(list(names))})
    onnx.save(model, path)
    return path


def write_yolo(folder: Path, names: tuple[str, ...]) -> Path:
    """Write the labels in YOLO layout, and return the data.yaml."""
    height, width = SIZE
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True)
    for image, objects in LABELS.items():
        cv2.imwrite(str(folder / "images" / f"{image}.png"), np.zeros((*SIZE, 3), np.uint8))
        lines = [
            f"{names.index(name)} {(x1 + x2) / 2 / width} {(y1 + y2) / 2 / height} "
            f"{(x2 - x1) / width} {(y2 - y1) / height}\n"
            for name, (x1, y1, x2, y2) in objects
        ]
        (folder / "labels" / f"{image}.txt").write_text("".join(lines))
    path = folder / "data.yaml"
    path.write_text(f"path: {folder}\nval: images\nnames: {json.dumps(names)}\n")
    return path


def write_coco(folder: Path, place: str, names: tuple[str, ...]) -> Path:
    """Write the labels as a COCO JSON with the images in `place`, and return the JSON."""
    (folder / place).mkdir(parents=True)
    (folder / "annotations").mkdir(exist_ok=True)
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    for number, (image, objects) in enumerate(LABELS.items()):
        cv2.imwrite(str(folder / place / f"{image}.png"), np.zeros((*SIZE, 3), np.uint8))
        images.append({"id": number, "file_name": f"{image}.png", "height": 64, "width": 96})
        for name, (x1, y1, x2, y2) in objects:
            annotations.append(
                {
                    "id": len(annotations),
                    "image_id": number,
                    "category_id": names.index(name),
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": (x2 - x1) * (y2 - y1),
                    "iscrowd": 0,
                }
            )
    categories = [{"id": number, "name": name} for number, name in enumerate(names)]
    path = folder / "annotations" / "instances_val2017.json"
    content = {"images": images, "annotations": annotations, "categories": categories}
    path.write_text(json.dumps(content))
    return path


def check(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["models", "check", *map(str, arguments)])


def assert_scored(model: Path) -> None:
    """Assert that the manifest has the accuracy that follows from the labels."""
    accuracy = Manifest.beside(model).accuracy
    assert accuracy["ap50/person"] == pytest.approx(1)
    assert accuracy["ap50/dog"] == pytest.approx(AP_OF_DOG)
    assert accuracy["ap"] == accuracy["ap50"] == pytest.approx((1 + AP_OF_DOG) / 2)
    assert "ap50/car" not in accuracy  # there is none in the data


def test_a_foreign_model_is_scored_against_labels_in_yolo_layout(tmp_path: Path) -> None:
    write_model(tmp_path / "theirs.onnx")
    data = write_yolo(tmp_path / "data", ("car", "dog", "person"))  # in another order
    done = check("theirs.onnx", "--labels", data)
    assert done.exit_code == 0, done.output
    assert "2 images" in done.output
    assert_scored(find_model("theirs.onnx"))


@pytest.mark.parametrize("place", ["val2017", "images/val2017", "images", "annotations/images"])
def test_a_coco_json_finds_its_images_where_tools_put_them(place: str, tmp_path: Path) -> None:
    write_model(tmp_path / "theirs.onnx")
    done = check("theirs.onnx", "--labels", write_coco(tmp_path / "coco", place, NAMES))
    assert done.exit_code == 0, done.output
    assert_scored(find_model("theirs.onnx"))


def test_the_images_of_a_coco_json_may_be_anywhere(tmp_path: Path) -> None:
    write_model(tmp_path / "theirs.onnx")
    data = write_coco(tmp_path / "coco", "elsewhere", NAMES)
    done = check("theirs.onnx", "--labels", data)
    assert done.exit_code == 2 and "give the folder with --images" in done.output
    done = check("theirs.onnx", "--labels", data, "--images", tmp_path / "coco/elsewhere")
    assert done.exit_code == 0, done.output


def test_classes_without_names_are_those_of_the_data_in_their_order(tmp_path: Path) -> None:
    model = write_model(tmp_path / "theirs.onnx", ("class 0", "class 1", "class 2"))
    done = check(model, "--labels", write_yolo(tmp_path / "data", NAMES))
    assert done.exit_code == 0, done.output
    assert_scored(find_model(str(model)))


def test_classes_that_the_model_does_not_know_are_left_out(tmp_path: Path) -> None:
    model = write_model(tmp_path / "theirs.onnx", ("person", "wolf", "car"))
    done = check(model, "--labels", write_yolo(tmp_path / "data", NAMES))
    assert done.exit_code == 0, done.output
    assert "left out, unknown to the model: dog" in done.output
    assert Manifest.beside(find_model(str(model))).accuracy["ap50"] == pytest.approx(1)


def test_data_without_a_class_of_the_model_is_refused(tmp_path: Path) -> None:
    model = write_model(tmp_path / "theirs.onnx", ("lion", "wolf", "bear"))
    done = check(model, "--labels", write_yolo(tmp_path / "data", NAMES))
    assert done.exit_code == 2
    assert "the model knows lion, wolf, bear, but" in done.output and "--names" in done.output


def test_labels_without_an_object_are_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty.cvat.xml"
    empty.write_text("<annotations><meta><task><size>3</size></task></meta></annotations>")
    model = write_model(tmp_path / "theirs.onnx", ("lion", "wolf", "bear"))
    done = check(model, "--labels", empty)
    assert done.exit_code == 2
    assert f"Error: {empty}: labels no object" in done.output


def test_official_weights_stand_beside_their_published_accuracy(
    reference: Path, tmp_path: Path
) -> None:
    content = (reference / "official_yolov7-tiny_w0.25.pt").read_bytes()
    (tmp_path / "yolov7-tiny.pt").write_bytes(content)
    data = write_yolo(tmp_path / "data", NAMES)
    done = check("yolov7-tiny", "--labels", data, "--imgsz", "64")
    assert done.exit_code == 0, done.output
    assert "published: AP 0.352, AP50 0.528, at 416 x 416 on COCO test-dev" in done.output
    accuracy = Manifest.beside(find_model("yolov7-tiny", size=(64, 64))).accuracy
    assert accuracy["published/ap"] == 0.352 and "ap50/person" in accuracy


def test_a_bundled_model_keeps_its_accuracy(tmp_path: Path) -> None:
    before = manifest_path(find_model("street")).read_bytes()
    done = check("street", "--labels", write_yolo(tmp_path / "data", NAMES))
    assert done.exit_code == 0, done.output
    assert "keeps the accuracy that it was delivered with" in done.output
    assert manifest_path(find_model("street")).read_bytes() == before


def test_other_files_than_labels_are_refused(tmp_path: Path) -> None:
    model = write_model(tmp_path / "theirs.onnx")
    (tmp_path / "labels.csv").touch()
    done = check(model, "--labels", tmp_path / "labels.csv")
    assert (
        done.exit_code == 2
        and "a JSON of COCO or Label Studio, a data.yaml or obj.data of YOLO" in done.output
    )


def test_a_check_needs_no_torch(tmp_path: Path) -> None:
    model = write_model(tmp_path / "theirs.onnx")
    data = write_yolo(tmp_path / "data", NAMES)
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from pipeline.commands.framelane import main; main(prog_name='framelane')"
    )
    line = [sys.executable, "-c", code, "models", "check", str(model), "--labels", str(data)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        line, capture_output=True, text=True, timeout=CAP, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert_scored(find_model(str(model)))
