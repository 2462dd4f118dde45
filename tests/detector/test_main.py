"""`python -m detector` says what there is, makes models, and refuses in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from detector.__main__ import main
from detector.manifest import Manifest, sha256_of
from detector.weights.release import RELEASED
from detector.weights.torch_networks import save_weights
from detector.yolov7.network import build_network, deploy
from tests.support.graphs import raw_file
from tests.support.paths import ROOT


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_help_loads_no_runtime() -> None:
    code = (
        "import sys; from detector.__main__ import main\n"
        "try: main(['--help'])\n"
        "finally: print({'torch', 'onnx', 'openvino'} & set(sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "export" in ended.stdout and ended.stdout.splitlines()[-1] == "set()"


def test_list_names_networks_with_their_measured_cost_beside_the_papers() -> None:
    ended = run("list")
    assert ended.exit_code == 0
    silu = "yolov7-tiny-silu   6.22 M parameters (  6.2),  13.7 GFLOPs ( 13.8) at 640"
    d6 = "yolov7-d6        133.76 M parameters (154.7), 701.7 GFLOPs (806.8) at 1280; the paper"
    assert silu in ended.output and d6 in ended.output


def test_list_says_of_each_released_name_what_its_authors_published() -> None:
    lines = run("list").output.splitlines()
    official = [line for line in lines if "GPL-3.0" in line]
    assert [line.split()[0] for line in official] == list(RELEASED)
    assert "  yolov7-e6e          80 classes of COCO, 1280 x 1280, AP 56.8%, GPL-3.0" in official
    further = next(line for line in official if line.startswith("  yolov7x_training"))
    assert further.endswith("640 x  640, AP 53.1%, GPL-3.0, to train further")


def test_weights_are_exported_as_they_were_trained(tmp_path: Path) -> None:
    weights, model = tmp_path / "best.safetensors", tmp_path / "out" / "best.onnx"
    network = build_network("yolov7-tiny", classes=2, width=0.125)
    save_weights(network, weights, class_names=("cat", "dog"), size=(64, 96))
    ended = run("export", weights, "--output", model)
    assert ended.exit_code == 0 and "64 x 96, fp32" in ended.output and "cat, dog" in ended.output
    manifest = Manifest.beside(model)
    manifest.verify(model)
    assert (manifest.classes, manifest.input_size) == (("cat", "dog"), (64, 96))
    assert manifest.weights_sha256 == sha256_of(weights)


def test_an_official_checkpoint_is_exported(reference: Path, tmp_path: Path) -> None:
    weights, model = reference / "official_yolov7-tiny_w0.25.pt", tmp_path / "tiny.onnx"
    ended = run("export", weights, "--imgsz", "64x96", "--output", model)
    assert ended.exit_code == 0, ended.output
    assert "64 x 96, fp32" in ended.output and "person, bicycle, car, bus, truck" in ended.output
    assert Manifest.beside(model).weights_sha256 == sha256_of(weights)


def test_random_weights_follow_from_the_seed(tmp_path: Path) -> None:
    def exported(name: str, seed: int) -> str:
        network = (
            "--network",
            "yolov7-tiny",
            "--num-classes",
            3,
            "--width",
            0.125,
            "--imgsz",
            "64x96",
        )
        ended = run("export", *network, "--seed", seed, "--output", tmp_path / name)
        assert ended.exit_code == 0
        return Manifest.beside(tmp_path / name).onnx_sha256

    assert exported("a.onnx", 1) == exported("b.onnx", 1) != exported("c.onnx", 2)


def test_a_model_is_exported_in_half_precision_and_with_a_fixed_batch(tmp_path: Path) -> None:
    model = tmp_path / "half.onnx"
    network = ("--network", "yolov7-tiny", "--width", 0.125, "--imgsz", 32)
    ended = run("export", *network, "--precision", "fp16", "--batch", 2, "--output", model)
    assert ended.exit_code == 0 and "32 x 32, fp16" in ended.output
    manifest = Manifest.beside(model)
    assert (manifest.precision, manifest.max_batch, manifest.dynamic_batch) == ("fp16", 2, False)


def test_a_graph_that_others_exported_becomes_a_model(tmp_path: Path) -> None:
    network = deploy(build_network("yolov7-tiny", classes=2, width=0.125))
    raw = raw_file(network, tmp_path / "raw.onnx")
    ended = run("export", raw, "--names", "cat,dog", "--output", tmp_path / "model.onnx")
    assert ended.exit_code == 0 and "64 x 96, fp32" in ended.output and "cat, dog" in ended.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give either WEIGHTS or --network NAME"),
        (("a.safetensors", "--network", "yolov7-tiny"), "give either WEIGHTS"),
        (("gone.safetensors",), "no weights file 'gone.safetensors'"),
        (("--network", "yolov9"), "unknown network 'yolov9'; did you mean 'yolov7'?"),
        (("--network", "yolov7-tiny", "--imgsz", "100"), "for example 96 x 96"),
        (("--network", "yolov7-tiny", "--imgsz", "6r0"), "'6r0' is no size"),
        (("raw.onnx",), "no model 'raw.onnx'"),
        (("raw.onnx", "--batch", "2"), "--batch 2 given, but WEIGHTS is an .onnx file"),
        (
            ("--network", "yolov7-tiny", "--names", "a,b"),
            "--names a,b given, but WEIGHTS is not an .onnx file",
        ),
    ],
)
def test_a_wrong_request_is_refused_in_a_line(
    arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    ended = run("export", *arguments, "--output", tmp_path / "x.onnx")
    assert ended.exit_code == 2 and message in ended.output
    assert "Traceback" not in ended.output and not list(tmp_path.iterdir())


def test_a_model_must_be_called_onnx(tmp_path: Path) -> None:
    ended = run("export", "--network", "yolov7-tiny", "--output", tmp_path / "model.bin")
    assert ended.exit_code == 2 and "give a name that ends in .onnx" in ended.output


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    output = tmp_path / "file" / "x.onnx"
    ended = run("export", "--network", "yolov7-tiny", "--imgsz", 32, "--output", output)
    assert ended.exit_code == 2 and f"cannot write '{output}'" in ended.output
