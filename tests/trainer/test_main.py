"""python -m trainer: from a recipe to an exported model with its measured accuracy."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from shutil import copytree
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import yaml
from click.testing import CliRunner, Result

from detector.acceptance.gate import EngineRefused
from detector.export.precisions import INT8_ENDINGS, int8_path
from detector.manifest import Manifest, sha256_of
from detector.tolerance import Tolerance
from tests.detector.test_html_page import Checked
from tests.support.paths import ROOT
from tests.support.rectangles import RED_BLUE_BGR, SIDE, draw_rectangles, rectangles_recipe
from trainer.__main__ import main
from trainer.data.samples import IGNORED
from trainer.report.contact_sheet import COLOURS_RGB, IGNORED_RGB, labelled

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]  # models are trained and quantised


def command(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recipe")
    described = draw_rectangles(folder / "rectangles")
    recipe = rectangles_recipe(described, epochs=30, validate_every=30, nominal_batch=4)
    path = folder / "rectangles.yaml"
    path.write_text(yaml.safe_dump(recipe.model_dump(mode="json")))
    return path


@pytest.fixture(scope="module")
def run(recipe: Path) -> Path:
    """Return the folder of a training that memorised its images."""
    folder = recipe.parent / "run"
    result = command("train", recipe, "--output", folder)
    assert result.exit_code == 0, result.output
    assert result.output.count("epoch ") == 30 and "run.onnx" in result.output
    return folder


@pytest.fixture(scope="module")
def run_in_int8(run: Path, recipe: Path) -> Path:
    """Return the folder of the same training, resumed to make INT8 models, too.

    With a loose tolerance, because models for 64 pixels drift, and the search for layers to leave
    in float is tested elsewhere.
    """
    folder = run.parent / "int8"
    copytree(run, folder)
    loose = Tolerance(pixels=SIDE, score=1, share=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Manifest, "tolerance_of", lambda *_: loose)
        patch.setattr("trainer.deliver.MAX_LOST", 1.0)
        result = command("train", recipe, "--output", folder, "--resume", "--export", "int8")
    assert result.exit_code == 0, result.output
    return folder


def scores_of(model: Path, recipe: Path) -> dict[str, Any]:
    written = recipe.parent / "scores.json"
    result = command("evaluate", "--model", model, "--data", recipe, "--json", written)
    assert result.exit_code == 0, result.output
    scores: dict[str, Any] = json.loads(written.read_text())
    return scores


def test_the_exported_model_has_memorised_a_few_images(run: Path) -> None:
    accuracy = Manifest.beside(run / "run.onnx").accuracy
    assert accuracy["ap50/red"] >= 0.9 and accuracy["ap50/blue"] >= 0.9


def test_the_manifest_names_the_weights_classes_and_size(run: Path) -> None:
    manifest = Manifest.beside(run / "run.onnx")
    manifest.verify(run / "run.onnx")
    assert manifest.weights_sha256 == sha256_of(run / "best.safetensors")
    assert manifest.classes == ("red", "blue") and manifest.input_size == (SIDE, SIDE)


@pytest.mark.parametrize("runtime", INT8_ENDINGS)
def test_int8_manifests_name_the_weights_and_the_report_shows_the_models(
    run_in_int8: Path, runtime: str
) -> None:
    floats = Manifest.beside(run_in_int8 / "int8.onnx")
    model = int8_path(run_in_int8 / "int8.onnx", runtime)
    manifest = Manifest.beside(model)
    manifest.verify(model)
    assert manifest.precision == "int8" and manifest.source_sha256 == floats.onnx_sha256
    assert manifest.weights_sha256 == sha256_of(run_in_int8 / "best.safetensors")
    page = (run_in_int8 / "report.html").read_text()
    assert manifest.onnx_sha256[:16] in page and f"{model.name} on the validation data" in page


@pytest.mark.parametrize("runtime", INT8_ENDINGS)
def test_an_int8_model_can_be_evaluated_and_its_manifest_has_the_same_accuracy(
    run_in_int8: Path, recipe: Path, runtime: str
) -> None:
    model = int8_path(run_in_int8 / "int8.onnx", runtime)
    accuracy = Manifest.beside(model).accuracy
    assert accuracy["ap50/red"] > 0.9
    assert scores_of(model, recipe)["classes"]["red"]["ap50"] == accuracy["ap50/red"]


def test_the_report_is_written_even_if_int8_is_refused(
    run: Path, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise EngineRefused("it drifts")

    copytree(run, tmp_path / "run")
    (tmp_path / "run" / "report.html").unlink()
    monkeypatch.setattr("trainer.deliver.make_int8", refuse)
    result = command("train", recipe, "--output", tmp_path / "run", "--resume", "--export", "int8")
    assert result.exit_code == 2 and result.stderr.endswith("Error: it drifts\n")
    assert "run.onnx on the validation data" in (tmp_path / "run" / "report.html").read_text()


def test_the_report_shows_the_training_and_its_models(run: Path) -> None:
    page = (run / "report.html").read_text()
    manifest = Manifest.beside(run / "run.onnx")
    assert manifest.onnx_sha256[:16] in page
    assert page.count(sha256_of(run / "best.safetensors")[:16]) == 2  # itself, the model's source
    assert f"<td>red</td><td>8</td><td>{manifest.accuracy['ap50/red']:.3f}</td>" in page
    assert "nominal_batch: 4" in page and f"<td>{torch.__version__}</td>" in page
    checked = Checked()
    checked.feed(page)
    assert checked.open == [] and all(each.startswith("data:") for each in checked.addresses)


def test_evaluate_reports_the_accuracy_of_the_manifest(run: Path, recipe: Path) -> None:
    scores, accuracy = (
        scores_of(run / "run.onnx", recipe),
        Manifest.beside(run / "run.onnx").accuracy,
    )
    assert {name: score["ap50"] for name, score in scores["classes"].items()} == {
        "red": accuracy["ap50/red"],
        "blue": accuracy["ap50/blue"],
    }
    assert list(scores["clips"]) == ["images"] and scores["classes"]["red"]["objects"] == 8


def test_weights_and_their_export_have_the_same_scores(run: Path, recipe: Path) -> None:
    weights, exported = (
        scores_of(run / name, recipe)["classes"]["red"] for name in ("best.safetensors", "run.onnx")
    )
    assert weights == pytest.approx(exported, abs=1e-3)


def test_a_named_engine_scores_as_the_weights_do(run: Path, recipe: Path, tmp_path: Path) -> None:
    model, written = run / "best.safetensors", tmp_path / "scores.json"
    options = ("--engine", "torch", "--json", written)
    result = command("evaluate", "--model", model, "--data", recipe, *options)
    assert result.exit_code == 0, result.output
    engine, direct = json.loads(written.read_text()), scores_of(model, recipe)
    assert engine["classes"]["red"]["ap"] == pytest.approx(direct["classes"]["red"]["ap"], abs=0.1)
    assert engine["classes"]["red"]["ap50"] >= 0.9


def test_the_page_of_an_evaluation_shows_its_figures(
    run: Path, recipe: Path, tmp_path: Path
) -> None:
    options = ("--report", tmp_path / "page.html")
    result = command("evaluate", "--model", run / "run.onnx", "--data", recipe, *options)
    assert result.exit_code == 0, result.output
    page = (tmp_path / "page.html").read_text()
    accuracy = Manifest.beside(run / "run.onnx").accuracy
    assert f"<td>red</td><td>8</td><td>{accuracy['ap50/red']:.3f}</td>" in page
    assert page.count("<polyline") >= 8  # two classes, four charts


def test_evaluate_refuses_data_with_other_classes(run: Path, recipe: Path, tmp_path: Path) -> None:
    other = yaml.safe_load(recipe.read_text())
    other["data"]["classes"] = ["red", "green"]
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(other))
    result = command("evaluate", "--model", run / "run.onnx", "--data", tmp_path / "other.yaml")
    assert result.exit_code == 2
    assert "knows red, blue" in result.stderr and "labels red, green" in result.stderr


def test_scores_that_cannot_be_written_cause_one_line_of_error(
    run: Path, recipe: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    model, wrong = run / "run.onnx", tmp_path / "file" / "scores.json"
    result = command("evaluate", "--model", model, "--data", recipe, "--json", wrong)
    assert result.exit_code == 2
    assert result.stderr == f"Error: --json: {wrong} cannot be written: File exists\n"


@pytest.mark.parametrize("output", [">&-", ">/dev/full"])
def test_a_training_goes_on_when_its_output_cannot_be_written(
    recipe: Path, tmp_path: Path, output: str
) -> None:
    line = f'"$0" -m trainer train "$1" --epochs 1 --output "$2" {output}'
    words = ["sh", "-c", line, sys.executable, str(recipe), str(tmp_path / "run")]
    ended = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "run" / "run.onnx").exists()


def test_a_second_training_in_the_same_folder_is_refused(run: Path, recipe: Path) -> None:
    result = command("train", recipe, "--output", run)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ") and "--resume" in result.stderr


def test_a_stopped_training_saves_and_says_how_to_resume(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop_at_once(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("trainer.console.Display.batches_done", stop_at_once)
    result = command("train", recipe, "--output", tmp_path / "run")
    assert result.exit_code == 0 and "stopped and saved: --resume continues" in result.output
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "batch.jpg",
        "state.safetensors",
    }


def test_show_draws_the_boxes_where_the_objects_are(recipe: Path, tmp_path: Path) -> None:
    result = command("show", recipe, "--output", tmp_path / "sheet.png")
    assert result.exit_code == 0 and "1 of 8 batches of epoch 1" in result.output
    assert "training data: 8 images, 16 objects, 0 without labels" in result.output
    page = cv2.imread(str(tmp_path / "sheet.png"))
    assert page is not None and page.shape == (2 * SIDE + 4, 2 * SIDE + 4, 3)
    red = (np.abs(page.astype(int) - RED_BLUE_BGR[0]).max(axis=2) < 30).astype(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(red)
    rectangles = [stats[i] for i in range(1, count) if stats[i, cv2.CC_STAT_AREA] > 100]
    assert len(rectangles) == 4
    for x, y, w, h, _ in rectangles:  # their outermost pixels are the box's outline
        for row, column in ((y + h // 2, x), (y + h // 2, x + w - 1), (y + h - 1, x + w // 2)):
            assert page[row, column].tolist() == list(COLOURS_RGB[0][::-1])


def test_show_counts_a_last_batch_that_is_not_full(recipe: Path, tmp_path: Path) -> None:
    values = yaml.safe_load(recipe.read_text())
    (tmp_path / "large.yaml").write_text(yaml.safe_dump(values | {"batch": 99}))
    sheet = tmp_path / "sheet.png"
    result = command("show", tmp_path / "large.yaml", "--output", sheet, "--batches", "3")
    assert result.exit_code == 0 and "1 of 1 batches of epoch 1" in result.output


def unlabelled(recipe: Path, folder: Path) -> Path:
    """Write a data set whose images have empty label files, and a recipe that validates on it."""
    for name in ("images", "labels"):
        (folder / name).mkdir()
    for number in range(2):
        image = np.full((SIDE, SIDE, 3), 90, np.uint8)
        cv2.imwrite(str(folder / f"images/{number}.png"), image)
        (folder / f"labels/{number}.txt").touch()
    (folder / "data.yaml").write_text("names: [red, blue]\nall: images\n")
    values = yaml.safe_load(recipe.read_text())
    values["data"]["val"] = [{"yolo": str(folder / "data.yaml"), "split": "all"}]
    (folder / "recipe.yaml").write_text(yaml.safe_dump(values))
    return folder / "recipe.yaml"


def test_accuracy_that_cannot_be_measured_is_not_0(recipe: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    result = command("train", unlabelled(recipe, tmp_path), "--output", run, "--epochs", "1")
    assert result.exit_code == 0, result.output
    assert "validation data: 2 images, 0 objects, 2 without labels" in result.output
    assert "accuracy is not measured" in result.output and "0.000" not in result.output
    assert Manifest.beside(run / "run.onnx").accuracy == {}
    assert "<td>-</td>" in (run / "report.html").read_text()


def test_too_few_images_to_calibrate_on_are_refused_before_the_training(
    recipe: Path, tmp_path: Path
) -> None:
    values = yaml.safe_load(recipe.read_text())
    described = draw_rectangles(tmp_path / "few", images=2)
    values["data"]["train"] = [{"yolo": str(described), "split": "all"}]
    (tmp_path / "few.yaml").write_text(yaml.safe_dump(values))
    run = tmp_path / "run"
    result = command("train", tmp_path / "few.yaml", "--output", run, "--export", "int8")
    assert result.exit_code == 2 and not run.exists()
    assert "data.train: 2 images given, but 8 are needed to calibrate INT8" in result.stderr


def test_int8_without_objects_to_measure_it_on_is_refused_before_the_training(
    recipe: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    result = command("train", unlabelled(recipe, tmp_path), "--output", run, "--export", "int8")
    assert result.exit_code == 2 and not run.exists()
    assert "data.val: 2 images, 0 objects, 2 without labels: what INT8" in result.stderr


def test_a_region_to_ignore_is_drawn_in_its_own_colour() -> None:
    target = np.array([[IGNORED, 0.5, 0.5, 0.5, 0.25]], np.float32)
    drawn = labelled(np.full((80, 80, 3), 255, np.uint8), target, ["red", "blue"])
    assert (drawn[30:50, [20, 59]] == IGNORED_RGB).all() and (drawn[51:] == 255).all()


def test_an_output_without_an_image_suffix_is_refused(recipe: Path, tmp_path: Path) -> None:
    result = command("show", recipe, "--output", tmp_path / "sheet")
    assert result.exit_code == 2 and "sheet: give a name that ends in " in result.stderr


def test_help_imports_no_torch() -> None:
    code = "import sys, trainer.__main__; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
