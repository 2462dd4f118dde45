"""`engine: auto`: the fastest engine that this machine can run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from detector.engines.tensorrt_api import TensorRt, load_tensorrt
from detector.engines.tensorrt_build import known_capabilities
from detector.errors import ModelError
from detector.hardware.cuda_driver import Gpu, find_gpus

AUTO = "auto"
NO_GPU = "there is no NVIDIA GPU, or no driver for it"


def choose_engine(model: Path) -> str:
    """Return tensorrt or torch if it can run the model on a GPU of this machine, else openvino.

    Without a GPU this takes milliseconds, and no runtime is imported.
    """
    gpus = find_gpus()
    if tensorrt_obstacle(gpus) is None:
        return "tensorrt"
    weights = model.suffix == ".safetensors" or model.with_suffix(".safetensors").is_file()
    if weights and torch_obstacle(gpus) is None:
        return "torch"
    return "openvino"


def tensorrt_obstacle(
    gpus: Sequence[Gpu],
    load: Callable[[], TensorRt] = load_tensorrt,
    find: Callable[[str], Any] = find_spec,
) -> str | None:
    """Return why TensorRT cannot run on the first GPU, or None if it can."""
    if not gpus:
        return NO_GPU
    try:
        tensorrt = load()
    except ModelError as error:
        return str(error)
    wanted, known = gpus[0].capability_name, known_capabilities(tensorrt)
    if tensorrt.is_rtx and wanted not in known:
        return (
            f"{tensorrt.name} {tensorrt.version} supports compute capability {', '.join(known)}, "
            f"and {gpus[0].name} has {wanted}: install tensorrt (docs/gpu.md)"
        )
    if find("pycuda") is None:
        return "pycuda is not installed: install the project with its extra `gpu`"
    return None


def torch_obstacle(
    gpus: Sequence[Gpu],
    find: Callable[[str], Any] = find_spec,
    import_: Callable[[str], Any] = import_module,
) -> str | None:
    """Return why torch cannot run on a GPU, or None if it can."""
    if not gpus:
        return NO_GPU
    if find("torch") is None:
        return "torch is not installed: install the project with its extra `train`"
    torch = import_("torch")
    if not torch.cuda.is_available():
        built = torch.version.cuda or "no CUDA"
        return f"torch {torch.__version__}, built for {built}, finds no GPU: install another build"
    return None
