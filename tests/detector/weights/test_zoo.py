"""Models are found by name or path, and wrong names get a suggestion."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from detector.errors import ModelError
from detector.manifest import Manifest, sha256_of
from detector.weights.torch_networks import load_weights
from detector.weights.zoo import bundled_models, find_model, find_weights
from pipeline.commands.run import run as main
from tests.support.paths import ROOT
from tests.support.release_server import Release, serving

CAP = 100  # seconds


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """A folder of two bundled models, and a folder without a model."""
    folder = tmp_path / "models"
    for name in ("street", "harbour"):
        (folder / name).mkdir(parents=True)
        (folder / name / f"{name}.onnx").touch()
    (folder / "empty").mkdir()
    (folder / "README.md").touch()
    return folder


@pytest.fixture
def checkpoint(reference: Path) -> Path:
    """A small checkpoint in the format of the official ones."""
    return reference / "official_yolov7-tiny_w0.25.pt"


@pytest.fixture
def release(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Release]:
    """A release on loopback with that checkpoint, an empty cache, an empty working directory."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("FRAMELANE_CACHE", str(tmp_path / "cache"))
    with serving() as release:
        release.files["/yolov7-tiny.pt"] = checkpoint.read_bytes()
        monkeypatch.setenv("FRAMELANE_RELEASE_URL", release.url)
        yield release


def test_bundled_models_are_those_with_a_file(zoo: Path) -> None:
    assert list(bundled_models(zoo)) == ["harbour", "street"]


def test_a_bundled_name_gives_its_file(zoo: Path) -> None:
    assert find_model("street", zoo) == zoo / "street" / "street.onnx"


def test_a_path_with_a_manifest_beside_it_gives_itself(zoo: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.onnx"
    path.touch()
    path.with_suffix(".json").touch()
    assert find_model(str(path), zoo) == path


def test_a_bundled_model_comes_before_a_released_one(zoo: Path, release: Release) -> None:
    (zoo / "yolov7-tiny").mkdir()
    (zoo / "yolov7-tiny" / "yolov7-tiny.onnx").touch()
    assert find_model("yolov7-tiny", zoo).parent == zoo / "yolov7-tiny"
    assert release.requests == []


def test_weights_in_the_working_directory_come_before_the_release(
    release: Release, checkpoint: Path
) -> None:
    shutil.copy(checkpoint, "yolov7-tiny.pt")
    assert find_weights("yolov7-tiny") == find_weights("yolov7-tiny.pt") == Path("yolov7-tiny.pt")
    assert release.requests == []


@pytest.mark.parametrize("name", ["yolov7-tiny", "yolov7-tiny.pt"])
def test_a_released_name_is_downloaded_into_the_cache(
    name: str, release: Release, checkpoint: Path, tmp_path: Path
) -> None:
    for _ in range(2):
        assert find_weights(name) == tmp_path / "cache/weights/yolov7-tiny.pt"
    assert find_weights(name).read_bytes() == checkpoint.read_bytes()
    assert release.requests == [("/yolov7-tiny.pt", None)]


def test_an_unknown_name_is_refused_with_the_nearest_known_one(zoo: Path, release: Release) -> None:
    with pytest.raises(ModelError) as caught:
        find_model("steet", zoo)
    assert str(caught.value) == (
        "unknown model 'steet'; did you mean 'street'? accepted: harbour, street, yolov7, "
        "yolov7-d6, yolov7-d6_training, yolov7-e6, yolov7-e6_training, yolov7-e6e, "
        "yolov7-e6e_training, yolov7-tiny, yolov7-w6, yolov7-w6_training, yolov7_training, "
        "yolov7x, yolov7x_training, or the path of an .onnx, .pt or .safetensors file"
    )
    assert release.requests == []


def test_an_unlikely_name_is_refused_without_a_guess(zoo: Path) -> None:
    with pytest.raises(ModelError, match=r"^unknown model 'mobilenet'; accepted: harbour, street"):
        find_model("mobilenet", zoo)


def test_a_misspelt_name_is_not_requested(release: Release) -> None:
    for find in (find_model, find_weights):
        with pytest.raises(ModelError, match="did you mean 'yolov7-tiny'"):
            find("yolov7-tinny")
    assert release.requests == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone.onnx", "no model '.*gone.onnx': give one of harbour, street, yolov7, "),
        ("gone.pt", "no weights file '.*gone.pt': give the path of a .pt or .safetensors"),
        ("yolov7-tiny.pt", "no weights file '.*yolov7-tiny.pt'"),
        ("best.safetensors", "no weights file '.*best.safetensors'"),
        ("notes.txt", "is not a model: give one of"),
        ("", "is not a model: give one of"),
    ],
)
def test_a_path_that_is_not_a_model_is_refused_with_what_to_do(
    name: str, message: str, zoo: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ModelError, match=message):
        find_model(str(tmp_path / name), zoo)


def run(*arguments: object, without: str = "") -> subprocess.CompletedProcess[str]:
    """Run the main command; an import of the package `without` fails."""
    code = (
        "import sys; sys.argv[0] = 'run_pipeline.py'; sys.path.insert(0, sys.argv.pop(1))\n"
        "missing = sys.argv.pop(1)\n"
        "if missing: sys.modules[missing] = None\n"
        "from pipeline.commands.run import run; run()"
    )
    line = [sys.executable, "-c", code, str(ROOT), without, *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=CAP, check=False)


def test_a_released_name_is_downloaded_converted_and_run_and_then_runs_from_the_cache(
    release: Release, checkpoint: Path, tmp_path: Path
) -> None:
    arguments = ("synthetic", "--max-frames", 3, "--model", "yolov7-tiny", "--imgsz", 320)
    first = CliRunner().invoke(main, [*map(str, arguments), "--output", "first.jsonl"])
    assert first.exit_code == 0, first.output
    assert "3 frames decoded, 3 emitted" in first.stdout
    model = next((tmp_path / "cache/models").glob("*/yolov7-tiny.onnx"))
    assert first.stderr.splitlines() == [
        f"downloading {release.url}/yolov7-tiny.pt",
        f"{tmp_path}/cache/weights/yolov7-tiny.pt is under GPL-3.0, the licence of its authors",
        f"exporting {tmp_path}/cache/weights/yolov7-tiny.pt, once: {model}",
    ]
    manifest = Manifest.beside(model)
    assert manifest.classes == ("person", "bicycle", "car", "bus", "truck")
    assert manifest.input_size == (320, 320)
    own = model.with_suffix(".safetensors")
    assert manifest.weights_sha256 == sha256_of(own)
    assert load_weights(own)[1].notes["its sha256"] == sha256_of(checkpoint)
    second = run(*arguments, "--output", "second.jsonl", without="torch")
    assert (second.returncode, second.stderr) == (0, "")
    assert Path("second.jsonl").read_text() == Path("first.jsonl").read_text()
    assert release.requests == [("/yolov7-tiny.pt", None)]


def test_a_first_start_needs_no_torch(release: Release, tmp_path: Path) -> None:
    arguments = ("--max-frames", 1, "--imgsz", 64, "--output", "out.jsonl")
    done = run("synthetic", "--model", "yolov7-tiny", *arguments, without="torch")
    assert done.returncode == 0, done.stderr
    assert len(Path("out.jsonl").read_text().splitlines()) == 1
    assert next((tmp_path / "cache/models").glob("*/yolov7-tiny.safetensors")).is_file()


def test_without_a_network_a_first_start_ends_in_one_line_and_exit_code_1(
    release: Release,
) -> None:
    release.files.clear()
    done = run("synthetic", "--model", "yolov7-tiny")
    assert done.returncode == 1
    said = done.stderr.splitlines()
    assert len(said) == 2 and said[1].startswith(f"Error: cannot download {release.url}")
    assert "the server says 404" in said[1]
