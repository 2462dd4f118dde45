"""INT8 models: calibrated, gated, for the runtimes that are to run them, and never in the way."""

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
from detector.acceptance.gate import EngineRefused, agree, open_reference
from detector.acceptance.sample_images import BUNDLED, read_images
from detector.acceptance.tolerance import Tolerance
from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.engines import make_engine
from detector.errors import ModelError, UsageError
from detector.export.precisions import int8_path
from detector.hardware.openvino_core import CORE
from detector.int8.quantize import divided, quantise
from detector.manifest import Manifest, manifest_path, sha256_of
from tests.support.descriptions import small_model
from tests.support.paths import ROOT

pytestmark = pytest.mark.usefixtures("one_thread")

SIZE = (96, 160)
LAYERS = 6  # of the network, and as many convolutions in its two heads


def shown() -> UInt8Array:
    """Return 16 pictures: those of the project, each in four ways."""
    seen = read_images(BUNDLED, SIZE, 4)
    return np.concatenate([seen, seen[:, :, ::-1], seen[:, ::-1], 255 - seen])


def ignore(_share: float, _what: str) -> None:
    """Hear of progress."""


@pytest.fixture(scope="module")
def floats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model in float32."""
    return small_model(tmp_path_factory.mktemp("int8"), shown())


@pytest.fixture(scope="module")
def made(floats: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It and its INT8 models, in a folder."""
    folder = tmp_path_factory.mktemp("made") / "models"
    copytree(floats.parent, folder)
    quantise(folder / "small.onnx", shown(), ignore)
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


# What is made


@pytest.mark.parametrize("runtime", ["openvino", "tensorrt"])
def test_the_manifest_tells_what_it_was_made_from_and_how_far_it_agrees(
    runtime: str, made: Path
) -> None:
    file, source = int8_path(made, runtime), Manifest.beside(made)
    manifest = Manifest.beside(file)
    manifest.verify(file)
    assert manifest.precision == "int8" and manifest.source_sha256 == source.onnx_sha256
    assert manifest.weights_sha256 == source.weights_sha256 and manifest.classes == source.classes
    assert {"nncf", "openvino", "onnx"} <= set(manifest.tools)
    assert 0.85 <= manifest.accuracy["agreement/share"] <= 1
    with closing(open_reference(made)) as reference, closing(open_reference(file)) as engine:
        seen = agree(reference, engine, divided(shown()).judging, source.tolerance_of("int8"))
    assert manifest.accuracy["agreement/share"] == pytest.approx(seen.share)


def test_openvino_computes_the_layers_in_int8_and_the_heads_in_floats(made: Path) -> None:
    compiled = CORE.compile_model(CORE.read_model(int8_path(made, "openvino")), "CPU")
    kinds: Counter[bool] = Counter()
    for op in compiled.get_runtime_model().get_ops():
        told = op.get_rt_info()
        if "layerType" in told and told["layerType"].astype(str) == "Convolution":
            kinds["8" in told["runtimePrecision"].astype(str).removeprefix("bf")] += 1
    assert kinds == {True: LAYERS, False: LAYERS}


def test_the_file_for_tensorrt_is_symmetric_signed_and_spares_the_heads(made: Path) -> None:
    qdq = onnx.load(int8_path(made, "tensorrt"))
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in qdq.graph.initializer}
    maker = {name: node.op_type for node in qdq.graph.node for name in node.output}
    zeros = [constants[n.input[2]] for n in qdq.graph.node if n.op_type.endswith("izeLinear")]
    assert {(zero.dtype.name, bool(zero.any())) for zero in zeros} == {("int8", False)}
    reads = Counter(maker.get(n.input[0], "") for n in qdq.graph.node if n.op_type == "Conv")
    assert reads["DequantizeLinear"] == LAYERS and sum(reads.values()) == 2 * LAYERS
    of_bytes = {n.op_type for n in qdq.graph.node if n.input and maker.get(n.input[0]) == "Cast"}
    assert of_bytes and "QuantizeLinear" not in of_bytes  # rounded once, in front of the first


def test_openvino_runs_the_file_for_tensorrt_to_the_letter_as_onnx_runtime_does(
    made: Path,
) -> None:
    file, pictures = int8_path(made, "tensorrt"), divided(shown()).judging
    with closing(make_engine("openvino", file)) as engine:
        found = [engine.submit(picture[None]).result() for picture in pictures]
    tolerance = Tolerance(pixels=0.5, score=0.005, share=1)
    agreement = compare(by_onnx_runtime(file, pictures), found, tolerance)
    assert agreement.share > 0.97  # a sum that lies between two steps may go either way


def test_openvino_runs_the_file_for_tensorrt_by_one_stream_whatever_is_asked(made: Path) -> None:
    """Several spoil each other's weights, but only now and then, and not in a small network."""
    with closing(make_engine("openvino", int8_path(made, "tensorrt"), streams=4)) as engine:
        assert engine.slots == 2  # one more than it has streams


def by_onnx_runtime(file: Path, pictures: UInt8Array) -> list[Candidates]:
    """Run each node as it is written: with optimisations, quantisers are fused with layers."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    outputs = (session.run(["boxes", "scores"], {"images": one[None]}) for one in pictures)
    return [Candidates(*both) for both in outputs]


# Which file an engine takes


def test_auto_takes_the_int8_model_that_lies_beside(whole: Path) -> None:
    for precision in ("auto", "int8"):
        with closing(make_engine("openvino", whole, precision=precision, threads=1)) as engine:
            assert engine.precision == "int8"
            assert engine.manifest.source_sha256 == Manifest.beside(whole).onnx_sha256
    with closing(make_engine("openvino", whole, precision="fp32", threads=1)) as engine:
        assert engine.precision == "fp32"


def test_without_one_auto_takes_bf16_where_the_cpu_has_it_else_fp32(model: Path) -> None:
    able = CORE.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    with closing(make_engine("openvino", model, threads=1)) as engine:
        assert engine.precision == ("bf16" if "BF16" in able else "fp32")
    with pytest.raises(ModelError, match=r"no INT8 model .* \(there is none\): make it with"):
        make_engine("openvino", model, precision="int8")


def test_the_int8_model_of_an_older_model_is_not_taken(whole: Path) -> None:
    manifest = Manifest.beside(whole)
    changed = onnx.load(whole)
    changed.doc_string = "trained on"
    onnx.save(changed, whole)
    replace(manifest, onnx_sha256=sha256_of(whole)).write(manifest_path(whole))
    with closing(make_engine("openvino", whole, threads=1)) as engine:
        assert engine.precision != "int8"
    with pytest.raises(ModelError, match=r"small\.int8-openvino\.xml' was made from another"):
        make_engine("openvino", whole, precision="int8")


def test_a_damaged_int8_model_is_refused(whole: Path) -> None:
    weights = int8_path(whole, "openvino").with_suffix(".bin")
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    with pytest.raises(ModelError, match="is not the file its manifest describes"):
        make_engine("openvino", whole)


# What is refused


def test_one_that_drifts_is_refused_with_the_numbers_and_all_stays_as_it_was(whole: Path) -> None:
    strict = {"int8": Tolerance(pixels=0.001, score=0.1, share=0.85)}
    replace(Manifest.beside(whole), tolerance=strict).write(manifest_path(whole))
    before = files(whole)
    with pytest.raises(ModelError, match=r"half of its 6 layers in floating point \d+\.\d% of"):
        quantise(whole, shown(), ignore)
    assert files(whole) == before


def test_what_the_measure_refuses_leaves_nothing(model: Path) -> None:
    before = files(model)

    def refuse(file: Path) -> Mapping[str, float]:
        Manifest.beside(file).verify(file)
        raise EngineRefused("it loses too much")

    with pytest.raises(EngineRefused, match="too much"):
        quantise(model, shown(), ignore, refuse)
    assert files(model) == before


def test_a_model_that_is_not_in_float32_and_too_few_pictures_are_refused(
    model: Path, made: Path
) -> None:
    with pytest.raises(ModelError, match="is a model in int8: INT8 is made of one in fp32"):
        quantise(int8_path(made, "tensorrt"), shown(), ignore)
    with pytest.raises(UsageError, match="7 pictures given: give 8 or more, best 128"):
        quantise(model, shown()[:7], ignore)


def test_pictures_are_used_for_one_thing_only() -> None:
    pictures = np.arange(21, dtype=np.uint8).reshape(-1, 1, 1, 1)
    parts = [part.ravel().tolist() for part in divided(pictures)]
    assert [len(part) for part in parts] == [16, 3, 2]
    assert sorted([*parts[0], *parts[1], *parts[2]]) == list(range(21))


# The command


def test_the_command_makes_both_and_says_how_far_they_agree(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, picture in enumerate(shown()):
        cv2.imwrite(str(folder / f"{number:02}.png"), picture)
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


def test_pictures_that_show_nothing_are_refused(model: Path, tmp_path: Path) -> None:
    ended = CliRunner().invoke(main, ["quantize", str(model), "--images", str(tmp_path / "no")])
    assert ended.exit_code == 2 and "is not a folder, and not a video or image" in ended.stderr
