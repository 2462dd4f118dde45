"""An ONNX file of another exporter is run as it is; its model is made once."""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np
import onnx
import pytest
from click.testing import CliRunner

from detector.__main__ import main as models
from detector.commands.export import export
from detector.errors import ModelError
from detector.export.adapters.pixels import PIXELS
from detector.manifest import Manifest, sha256_of
from detector.weights.zoo import find_model
from pipeline.commands.run import run
from tests.support.foreign_graphs import Form, write_foreign

NAMES = {"names": "{0: 'person', 1: 'dog', 2: 'car'}", "task": "detect"}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAMELANE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def made(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache/models").glob("*/*.onnx"))


def test_a_foreign_file_becomes_a_model_in_the_cache_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = write_foreign("columns", tmp_path / "theirs.onnx", Form(metadata=NAMES))
    model = find_model("theirs.onnx")
    assert made(tmp_path) == [model]
    assert capsys.readouterr().err == (
        "theirs.onnx has the head of YOLOv8, v9, v11 and v12 and 3 classes; made its model, once: "
        f"{model}\n"
    )
    manifest = Manifest.beside(model)
    assert manifest.classes == ("person", "dog", "car")
    assert manifest.source_sha256 == sha256_of(raw)
    written_at = model.stat().st_mtime_ns
    assert find_model("theirs.onnx") == model and model.stat().st_mtime_ns == written_at
    assert capsys.readouterr().err == ""
    assert sorted(tmp_path.glob("theirs*")) == [raw]  # nothing is written beside it


def test_another_file_and_another_size_get_models_of_their_own(tmp_path: Path) -> None:
    write_foreign("columns", tmp_path / "theirs.onnx", Form(open_size=True, metadata=NAMES))
    small = find_model("theirs.onnx", size=(64, 64))
    wide = find_model("theirs.onnx", size=(64, 128))
    assert [Manifest.beside(model).input_size for model in (small, wide)] == [(64, 64), (64, 128)]
    write_foreign("rows", tmp_path / "theirs.onnx")
    other = find_model("theirs.onnx")
    assert len({small, wide, other}) == 3 == len(made(tmp_path))


def test_new_weights_in_a_file_of_their_own_make_a_new_model(tmp_path: Path) -> None:
    raw = write_foreign("columns", tmp_path / "theirs.onnx", Form(50))
    onnx.save(  # numbers of shapes stay in the file
        onnx.load(raw),
        raw,
        save_as_external_data=True,
        location="theirs.onnx.data",
        size_threshold=200,
    )
    first, content = find_model("theirs.onnx"), raw.read_bytes()
    data = tmp_path / "theirs.onnx.data"
    data.write_bytes(np.roll(np.frombuffer(data.read_bytes(), np.uint8), 4).tobytes())
    assert raw.read_bytes() == content
    assert find_model("theirs.onnx") != first


def test_a_damaged_model_is_made_again(tmp_path: Path) -> None:
    write_foreign("columns", tmp_path / "theirs.onnx")
    model = find_model("theirs.onnx")
    whole = model.read_bytes()
    model.write_bytes(whole[:-100])
    assert find_model("theirs.onnx").read_bytes() == whole


def test_a_cache_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_foreign("columns", tmp_path / "theirs.onnx")
    (tmp_path / "file").touch()
    monkeypatch.setenv("FRAMELANE_CACHE", str(tmp_path / "file"))
    with pytest.raises(ModelError, match="cannot write to the cache"):
        find_model("theirs.onnx")


def test_framelane_run_takes_a_foreign_file(tmp_path: Path) -> None:
    write_foreign("rows", tmp_path / "theirs.onnx", Form(metadata=NAMES))
    line = ["synthetic", "--model", "theirs.onnx", "--max-frames", "2", "--output", "out.jsonl"]
    done = CliRunner().invoke(run, [*line, "--tracker", "none", "--conf", "0.01"])
    assert done.exit_code == 0, done.output
    frames = [json.loads(text) for text in Path("out.jsonl").read_text().splitlines()]
    assert len(frames) == 2
    found = {each["class"] for frame in frames for each in frame["tracks"]}
    assert found <= {"person", "dog", "car"} and found


def test_models_export_writes_the_model_of_a_foreign_file(tmp_path: Path) -> None:
    write_foreign("YOLOX", tmp_path / "theirs.onnx")
    (tmp_path / "names.txt").write_text("person\ndog\ntraffic light\n")
    line = ["export", "theirs.onnx", "--output", "ours.onnx", "--names", "names.txt"]
    done = CliRunner().invoke(models, line)
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[0] == "theirs.onnx has the head of YOLOX"
    assert Manifest.beside(Path("ours.onnx")).classes == ("person", "dog", "traffic light")


@pytest.mark.parametrize(
    ("option", "value"), [("--names", "a,b"), ("--pixels", "imagenet"), ("--batch", "2")]
)
def test_options_for_other_kinds_of_files_are_refused(
    option: str, value: str, tmp_path: Path
) -> None:
    write_foreign("YOLOX", tmp_path / "theirs.onnx")
    weights = "theirs.onnx" if option == "--batch" else "yolov7.pt"
    line = ["export", weights, "--output", "ours.onnx", option, value]
    done = CliRunner().invoke(models, line)
    assert done.exit_code == 2 and f"leave {option} out" in done.output


def test_every_kind_of_pixels_can_be_chosen() -> None:
    (option,) = (each for each in export.params if each.name == "pixels")
    assert isinstance(option.type, click.Choice) and list(option.type.choices) == list(PIXELS)
