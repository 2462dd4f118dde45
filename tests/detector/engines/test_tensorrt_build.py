"""TensorRT-RTX builds real plans without a GPU; only running them needs one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from detector.engines import make_engine
from detector.engines.tensorrt_api import TensorRt, load_tensorrt
from detector.engines.tensorrt_build import build_plan, known_capabilities
from detector.engines.tensorrt_plan import TENSORS, LoadedPlan
from detector.errors import FramelaneError, ModelError
from detector.export.onnx_export import export_model
from detector.hardware.cuda_driver import find_gpus
from detector.manifest import Manifest, manifest_path, sha256_of
from detector.yolov7.network import build_network

pytestmark = pytest.mark.long

NETWORKS = ("yolov7-tiny", "yolov7", "yolov7-w6")
PRECISIONS = ("fp32", "fp16", "int8")
SIZE, CLASSES = (64, 64), ("a", "b", "c")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the models that these tests share."""
    return tmp_path_factory.mktemp("models")


def narrow_model(folder: Path, name: str, precision: str = "fp32") -> Path:
    """Return a model with the layers of the real one, and fewer channels."""
    model = folder / f"{name}.{precision}.onnx"
    if not model.is_file() and precision == "int8":
        _quantise(narrow_model(folder, name), model)
    elif not model.is_file():
        network = build_network(name, classes=3, width=0.125)
        export_model(network.weights(), model, class_names=CLASSES, size=SIZE, precision=precision)
    return model


def _quantise(floats: Path, path: Path) -> None:
    """Write a model in INT8 as `quantise` does, without the search and the comparison."""
    import onnx

    from detector.int8.onnx_qdq import quantised_onnx

    manifest = Manifest.beside(floats)
    noise = np.random.default_rng(0).integers(0, 255, (2, *SIZE, 3)).astype(np.uint8)
    onnx.save(quantised_onnx(floats, manifest, noise, ()), path)
    replace(manifest, precision="int8", onnx_sha256=sha256_of(path)).write(manifest_path(path))


@pytest.fixture
def rtx(tensorrt: TensorRt) -> TensorRt:
    """TensorRT-RTX, which builds without a GPU."""
    if not tensorrt.is_rtx:
        pytest.skip(f"{tensorrt.name} is installed, which cannot build without a GPU")
    return tensorrt


@pytest.fixture
def model(folder: Path) -> Path:
    """The smallest network."""
    return narrow_model(folder, "yolov7-tiny")


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_plan_is_built_for_several_gpus_without_a_warning(
    rtx: TensorRt, folder: Path, name: str, precision: str
) -> None:
    model = narrow_model(folder, name, precision)
    plan = build_plan(
        model, Manifest.beside(model), rtx, capabilities=("7.5", "8.6", "8.9", "12.0")
    )
    assert plan.warnings == ()
    assert is_well_formed(rtx, plan.content) and not is_well_formed(rtx, b"no plan" * 1000)
    assert len(plan.content) > 0.9 * model.stat().st_size  # the weights are in it


def test_half_precision_in_the_file_halves_the_weights_in_the_plan(
    rtx: TensorRt, folder: Path
) -> None:
    files, plans = {}, {}
    for precision in ("fp32", "fp16"):
        model = narrow_model(folder, "yolov7-w6", precision)
        files[precision] = model.stat().st_size
        plans[precision] = len(build_plan(model, Manifest.beside(model), rtx).content)
    saved = files["fp32"] - files["fp16"]
    assert plans["fp32"] - plans["fp16"] == pytest.approx(saved, rel=0.1)


@pytest.mark.parametrize("capability", ["7.5", "12.0"])
def test_a_plan_is_built_for_one_kind_of_gpu(rtx: TensorRt, model: Path, capability: str) -> None:
    plan = build_plan(model, Manifest.beside(model), rtx, capabilities=(capability,))
    assert plan.warnings == () and is_well_formed(rtx, plan.content)


def test_an_unknown_gpu_is_refused_with_the_known_ones(rtx: TensorRt, model: Path) -> None:
    assert {"7.5", "8.0", "8.6", "8.9", "12.0"} <= set(known_capabilities(rtx))
    with pytest.raises(ModelError, match=r"compute capability 9\.0: choose one of 7\.5, 8\.0, "):
        build_plan(model, Manifest.beside(model), rtx, capabilities=("9.0",))


def test_the_batch_to_optimise_for_must_be_one_that_the_model_accepts(
    rtx: TensorRt, model: Path
) -> None:
    manifest = Manifest.beside(model)
    assert build_plan(model, manifest, rtx, batch=8).warnings == ()
    with pytest.raises(ModelError, match="batch is 9, must be 1 to 8 for this model"):
        build_plan(model, manifest, rtx, batch=9)


def test_progress_rises_to_nearly_one_and_never_falls(rtx: TensorRt, model: Path) -> None:
    reported: list[tuple[float, str]] = []
    build_plan(
        model,
        Manifest.beside(model),
        rtx,
        progress=lambda share, what: reported.append((share, what)),
    )
    shares = [share for share, _ in reported]
    assert shares == sorted(shares) and shares[0] < 0.1 and 0.8 < shares[-1] <= 1.0
    assert len({what for _, what in reported}) > 2


@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError("disk full")])
def test_an_exception_of_the_progress_callback_ends_the_build_and_is_passed_on(
    rtx: TensorRt, model: Path, failure: BaseException, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(share: float, _what: str) -> None:
        if share > 0.1:
            raise failure

    with pytest.raises(failure if isinstance(failure, type) else type(failure)):
        build_plan(model, Manifest.beside(model), rtx, progress=fail)
    assert capfd.readouterr() == ("", "")  # TensorRT prints exceptions that it swallows


def test_a_file_that_is_not_a_model_is_refused_in_one_line(
    rtx: TensorRt, model: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a model")
    with pytest.raises(ModelError, match=r"TensorRT cannot read '.*broken\.onnx': ") as caught:
        build_plan(broken, Manifest.beside(model), rtx)
    assert "\n" not in str(caught.value) and "Failed to parse the ONNX model" in str(caught.value)


def test_messages_of_tensorrt_arrive_while_another_engine_exists(
    rtx: TensorRt, model: Path, tmp_path: Path
) -> None:
    """TensorRT keeps the first logger of a process while any object that uses it exists."""
    other = rtx.module.Runtime(rtx.log())
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a model")
    assert build_plan(model, Manifest.beside(model), load_tensorrt()).warnings == ()
    with pytest.raises(ModelError, match="Failed to parse the ONNX model"):
        build_plan(broken, Manifest.beside(model), load_tensorrt())
    del other


def test_a_model_that_tensorrt_cannot_build_is_refused_with_its_reason(
    rtx: TensorRt, model: Path
) -> None:
    fixed = replace(Manifest.beside(model), dynamic_batch=False)  # the file is not fixed
    with pytest.raises(
        ModelError, match=r"cannot build .* no optimization profile has been defined"
    ):
        build_plan(model, fixed, rtx)


# Without a GPU


def test_everything_the_runtime_calls_exists_in_the_real_library(tensorrt: TensorRt) -> None:
    trt = tensorrt.module
    calls = {
        trt.Runtime: ["deserialize_cuda_engine"],
        trt.ICudaEngine: [
            "create_execution_context",
            "device_memory_size_v2",
            "get_tensor_dtype",
            "get_tensor_name",
            "get_tensor_shape",
            "num_io_tensors",
        ],
        trt.IExecutionContext: [
            "execute_async_v3",
            "set_device_memory",
            "set_input_shape",
            "set_tensor_address",
        ],
        trt.ExecutionContextAllocationStrategy: ["USER_MANAGED"],
        trt.DataType: list(TENSORS.values()),
    }
    if tensorrt.is_rtx:
        calls[trt.ICudaEngine].append("create_runtime_config")
        calls[trt.DynamicShapesKernelSpecializationStrategy] = ["EAGER"]
        calls[trt.IRuntimeCache] = ["deserialize", "serialize"]
        calls[trt.IRuntimeConfig] = [
            "create_runtime_cache",
            "dynamic_shapes_kernel_specialization_strategy",
            "set_execution_context_allocation_strategy",
            "set_runtime_cache",
        ]
    missing = [(kind, name) for kind in calls for name in calls[kind] if not hasattr(kind, name)]
    assert missing == []


def test_without_a_gpu_the_engine_is_refused_and_nothing_is_built(
    tensorrt: TensorRt, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if find_gpus():
        pytest.skip("there is a GPU here")
    monkeypatch.setenv("FRAMELANE_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match="TensorRT needs an NVIDIA GPU and its driver, and none"):
        make_engine("tensorrt", model)
    assert list(tmp_path.iterdir()) == []


def test_a_plan_that_cannot_be_loaded_is_refused_with_tensorrts_reason(
    rtx: TensorRt, model: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.engine"
    broken.write_bytes(b"no plan")
    with pytest.raises(
        FramelaneError, match=r"TensorRT cannot load '.*broken.engine': \w+"
    ) as caught:
        LoadedPlan(rtx, broken, Manifest.beside(model))
    assert "\n" not in str(caught.value)


# Which TensorRT is used


def imports(**versions: str) -> object:
    """Return an import function that knows modules of these versions only."""

    def import_(name: str) -> object:
        if name not in versions:
            raise ModuleNotFoundError(name)
        return SimpleNamespace(__version__=versions[name])

    return import_


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        ({"tensorrt": "10.3.0"}, ("tensorrt", "10.3.0")),
        ({"tensorrt": "11.4.0.106", "tensorrt_rtx": "1.7.1"}, ("tensorrt", "11.4.0.106")),
        ({"tensorrt": "8.5.2", "tensorrt_rtx": "1.7.1"}, ("tensorrt-rtx", "1.7.1")),
        ({"tensorrt_rtx_bindings": "1.7.1.116"}, ("tensorrt-rtx", "1.7.1.116")),
    ],
)
def test_tensorrt_is_preferred_if_it_is_new_enough(
    there: dict[str, str], taken: tuple[str, str]
) -> None:
    found = load_tensorrt(imports(**there))  # type: ignore[arg-type]
    assert (found.name, found.version) == taken


@pytest.mark.parametrize(
    ("there", "message"),
    [
        ({}, "no TensorRT is installed: for an RTX card install"),
        ({"tensorrt": "8.5.2.2"}, "TensorRT 8.5.2.2 is too old, 10.1 is needed: .*JetPack 6.1"),
        ({"tensorrt": "10.0.1"}, "TensorRT 10.0.1 is too old"),
    ],
)
def test_without_a_usable_tensorrt_the_error_says_what_to_install(
    there: dict[str, str], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        load_tensorrt(imports(**there))  # type: ignore[arg-type]


def is_well_formed(rtx: TensorRt, content: bytes) -> bool:
    """Return whether TensorRT's own check accepts the format of a plan."""
    runtime = rtx.module.Runtime(rtx.log())
    _, complaints = runtime.get_engine_validity(content)
    return not complaints & int(rtx.module.EngineInvalidityDiagnostics.MALFORMED_ENGINE)
