"""INT8 models: made for each runtime, compared with the float model, used when up to date."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
from click.testing import CliRunner
from onnx import numpy_helper

from detector.__main__ import main
from detector.acceptance.agreement import compare
from detector.acceptance.gate import (
    EngineRefused,
    compare_engines,
    open_reference,
    run_engine,
)
from detector.acceptance.sample_images import BUNDLED, read_images
from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.engines import make_engine
from detector.errors import ModelError, UsageError
from detector.export.precisions import int8_path
from detector.hardware.cpu import int8_pays
from detector.hardware.openvino_core import CORE
from detector.int8 import onnx_qdq, openvino_ir
from detector.int8.quantize import divided, quantise
from detector.int8.score_odds import fitted_odds
from detector.manifest import Manifest, manifest_path, sha256_of
from detector.tolerance import Tolerance
from tests.support.descriptions import small_model
from tests.support.paths import ROOT

SIZE = (96, 160)
LAYERS = 6  # of the network; its two heads have as many convolutions


def samples() -> UInt8Array:
    """Return 16 images: the bundled ones, each in four variants."""
    images = read_images(BUNDLED, SIZE, 4)
    return np.concatenate([images, images[:, :, ::-1], images[:, ::-1], 255 - images])


def ignore(_share: float, _what: str) -> None:
    """Take progress, and ignore it."""


@pytest.fixture(scope="module")
def floats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model in float32."""
    return small_model(tmp_path_factory.mktemp("int8"), samples())


@pytest.fixture(scope="module")
def made(floats: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small model and its INT8 models, in a folder."""
    folder = tmp_path_factory.mktemp("made") / "models"
    copytree(floats.parent, folder)
    quantise(folder / "small.onnx", samples(), ignore)
    return folder / "small.onnx"


@pytest.fixture
def model(floats: Path, tmp_path: Path) -> Path:
    """A copy of the float model alone."""
    copytree(floats.parent, tmp_path / "model")
    return tmp_path / "model" / "small.onnx"


@pytest.fixture
def whole(made: Path, tmp_path: Path) -> Path:
    """A copy of the float model with its INT8 models beside it."""
    copytree(made.parent, tmp_path / "whole")
    return tmp_path / "whole" / "small.onnx"


def files(model: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in model.parent.iterdir()}


# The files


@pytest.mark.parametrize("runtime", ["openvino", "tensorrt"])
def test_the_manifest_has_its_source_and_its_agreement(runtime: str, made: Path) -> None:
    file, source = int8_path(made, runtime), Manifest.beside(made)
    manifest = Manifest.beside(file)
    manifest.verify(file)
    assert manifest.precision == "int8" and manifest.source_sha256 == source.onnx_sha256
    assert manifest.weights_sha256 == source.weights_sha256 and manifest.classes == source.classes
    assert {"nncf", "openvino", "onnx"} <= set(manifest.tools)
    assert 0.85 <= manifest.accuracy["agreement/share"] <= 1
    with closing(open_reference(made)) as reference, closing(open_reference(file)) as engine:
        seen = compare_engines(
            reference, engine, divided(samples()).comparison, source.tolerance_of("int8")
        )
    assert manifest.accuracy["agreement/share"] == pytest.approx(seen.share)


def test_the_odds_of_the_scores_are_those_of_the_float_model(made: Path) -> None:
    parts = divided(samples())
    for runtime in ("openvino", "tensorrt"):
        file = int8_path(made, runtime)
        assert Manifest.beside(file).score_odds != 1
        with closing(open_reference(made)) as reference, closing(open_reference(file)) as engine:
            expected = list(run_engine(reference, parts.calibration))
            found = list(run_engine(engine, parts.calibration))
        odds = fitted_odds(expected, found, Manifest.beside(file).nms_iou)
        assert odds == pytest.approx(1, abs=0.05)


def test_raised_scores_have_their_odds_multiplied_and_their_boxes_unchanged(
    floats: Path, tmp_path: Path
) -> None:
    xml, graph = tmp_path / "raised.xml", tmp_path / "raised.onnx"
    openvino_ir.save(CORE.read_model(floats), xml, 3.0)
    onnx_qdq.save(onnx.load(floats), graph, 3.0)
    images = divided(samples()).comparison[:1]
    before = by_openvino(floats, images)
    for after in (by_openvino(xml, images), by_openvino(graph, images)):
        odds = before.scores / (1 - before.scores)
        np.testing.assert_allclose(after.scores, 3 * odds / (1 + 3 * odds), rtol=1e-4)
        np.testing.assert_allclose(after.boxes_xyxy, before.boxes_xyxy, atol=1e-3)
        best = after.scores[0].max(axis=1)
        assert (best[:-1] >= best[1:]).all()


def by_openvino(file: Path, image: UInt8Array) -> Candidates:
    outputs = CORE.compile_model(file, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([image])
    return Candidates(outputs["boxes"].copy(), outputs["scores"].copy())


def test_openvino_computes_layers_in_int8_and_heads_in_floating_point(made: Path) -> None:
    compiled = CORE.compile_model(CORE.read_model(int8_path(made, "openvino")), "CPU")
    kinds: Counter[bool] = Counter()
    for op in compiled.get_runtime_model().get_ops():
        info = op.get_rt_info()
        if "layerType" in info and info["layerType"].astype(str) == "Convolution":
            kinds["8" in info["runtimePrecision"].astype(str).removeprefix("bf")] += 1
    assert kinds == {True: LAYERS, False: LAYERS}


def test_the_file_for_tensorrt_is_symmetric_and_signed_and_its_heads_are_float(made: Path) -> None:
    qdq = onnx.load(int8_path(made, "tensorrt"))
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in qdq.graph.initializer}
    maker = {name: node.op_type for node in qdq.graph.node for name in node.output}
    zeros = [constants[n.input[2]] for n in qdq.graph.node if n.op_type.endswith("izeLinear")]
    assert {(zero.dtype.name, bool(zero.any())) for zero in zeros} == {("int8", False)}
    reads = Counter(maker.get(n.input[0], "") for n in qdq.graph.node if n.op_type == "Conv")
    assert reads["DequantizeLinear"] == LAYERS and sum(reads.values()) == 2 * LAYERS
    of_bytes = {n.op_type for n in qdq.graph.node if n.input and maker.get(n.input[0]) == "Cast"}
    assert of_bytes and "QuantizeLinear" not in of_bytes  # bytes are not rounded twice


def test_openvino_rounds_in_the_file_for_tensorrt_as_onnx_runtime_does(
    made: Path,
) -> None:
    file, images = int8_path(made, "tensorrt"), divided(samples()).comparison
    with closing(make_engine("openvino", file)) as engine:
        found = [engine.submit(image[None]).result() for image in images]
    tolerance = Tolerance(pixels=0.5, score=0.005, share=1)
    agreement = compare(by_onnx_runtime(file, images), found, tolerance)
    assert agreement.share > 0.97  # a sum halfway between two steps may be rounded either way


def test_openvino_runs_the_file_for_tensorrt_in_one_stream_always(made: Path) -> None:
    """Several streams overwrite each other's weights, but rarely, and not in a small network."""
    with closing(make_engine("openvino", int8_path(made, "tensorrt"), streams=4)) as engine:
        assert engine.slots == 2  # one more than streams


def by_onnx_runtime(file: Path, images: UInt8Array) -> list[Candidates]:
    """Run each node as in the file: optimisations would fuse quantisers with layers."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    outputs = (session.run(["boxes", "scores"], {"images": one[None]}) for one in images)
    return [Candidates(*both) for both in outputs]


# The file that an engine uses


def test_auto_uses_the_int8_model_beside_the_float_model(whole: Path) -> None:
    for precision in ("auto", "int8") if int8_pays() else ("int8",):
        with closing(make_engine("openvino", whole, precision=precision, threads=1)) as engine:
            assert engine.precision == "int8"
            assert engine.manifest.source_sha256 == Manifest.beside(whole).onnx_sha256
    with closing(make_engine("openvino", whole, precision="fp32", threads=1)) as engine:
        assert engine.precision == "fp32"


def test_without_an_int8_model_auto_is_bf16_if_the_cpu_has_it_else_fp32(model: Path) -> None:
    able = CORE.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    with closing(make_engine("openvino", model, threads=1)) as engine:
        assert engine.precision == ("bf16" if "BF16" in able else "fp32")
    with pytest.raises(ModelError, match=r"no INT8 model .* \(there is none\): make it with"):
        make_engine("openvino", model, precision="int8")


def test_the_int8_model_of_an_older_model_is_not_used(whole: Path) -> None:
    manifest = Manifest.beside(whole)
    changed = onnx.load(whole)
    changed.doc_string = "trained on"
    onnx.save(changed, whole)
    replace(manifest, onnx_sha256=sha256_of(whole)).write(manifest_path(whole))
    with closing(make_engine("openvino", whole, threads=1)) as engine:
        assert engine.precision != "int8"
    with pytest.raises(ModelError, match=r"small\.int8-openvino\.xml' is of another model"):
        make_engine("openvino", whole, precision="int8")


def test_a_damaged_int8_model_is_refused(whole: Path) -> None:
    weights = int8_path(whole, "openvino").with_suffix(".bin")
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    with pytest.raises(ModelError, match="is not the file its manifest describes"):
        make_engine("openvino", whole)


# Refusals


def test_a_model_that_drifts_is_refused_with_the_numbers_and_no_file_changes(whole: Path) -> None:
    strict = {"int8": Tolerance(pixels=0.001, score=0.1, share=0.85)}
    replace(Manifest.beside(whole), tolerance=strict).write(manifest_path(whole))
    before = files(whole)
    with pytest.raises(ModelError, match=r"half of its 6 layers in floating point \d+\.\d% of"):
        quantise(whole, samples(), ignore)
    assert files(whole) == before


def test_if_the_measure_refuses_nothing_is_written(model: Path) -> None:
    before = files(model)

    def refuse(file: Path) -> Mapping[str, float]:
        Manifest.beside(file).verify(file)
        raise EngineRefused("it loses too much")

    with pytest.raises(EngineRefused, match="too much"):
        quantise(model, samples(), ignore, refuse)
    assert files(model) == before


def test_a_model_that_is_not_in_float32_and_too_few_images_are_refused(
    model: Path, made: Path
) -> None:
    with pytest.raises(ModelError, match="is a model in int8: INT8 is made from fp32"):
        quantise(int8_path(made, "tensorrt"), samples(), ignore)
    with pytest.raises(UsageError, match="7 images given: give 8 or more, best 128"):
        quantise(model, samples()[:7], ignore)


def test_each_image_is_used_for_one_purpose() -> None:
    images = np.arange(21, dtype=np.uint8).reshape(-1, 1, 1, 1)
    parts = [part.ravel().tolist() for part in divided(images)]
    assert [len(part) for part in parts] == [16, 3, 2]
    assert sorted([*parts[0], *parts[1], *parts[2]]) == list(range(21))


# The command


def test_the_command_makes_both_models_and_prints_their_agreement(
    model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for number, image in enumerate(samples()):
        cv2.imwrite(str(folder / f"{number:02}.png"), image)
    ended = CliRunner().invoke(main, ["quantize", str(model), "--images", str(folder)])
    assert ended.exit_code == 0, ended.output
    lines = ended.stdout.splitlines()
    for runtime, line in zip(("openvino", "tensorrt"), lines, strict=True):
        assert line.startswith(f"{int8_path(model, runtime)}: for {runtime}, ")
    assert "0 layers and the head in floating point" in lines[0] and "detections agree" in lines[0]
    assert "calibrating" in ended.stderr


def test_without_the_extra_the_command_says_what_to_install(model: Path) -> None:
    code = (
        "import sys; sys.modules['nncf'] = None\n"
        "from detector.__main__ import main\n"
        "main(sys.argv[1:])"
    )
    line = [sys.executable, "-c", code, "quantize", str(model), "--images", str(BUNDLED)]
    ended = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "Error: INT8 needs nncf, onnx and onnxruntime: install the project's extra `quantize` "
        "(missing: nncf)\n"
    )


def test_a_source_without_images_is_refused(model: Path, tmp_path: Path) -> None:
    ended = CliRunner().invoke(main, ["quantize", str(model), "--images", str(tmp_path / "no")])
    assert ended.exit_code == 2 and "is not a folder, and not a video or image" in ended.stderr
