"""What this machine can run: the engine for `auto`, and the GPU whose frames an engine takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from detector.engines import ENGINES
from detector.engines.tensorrt_api import TensorRt, load_tensorrt
from detector.engines.tensorrt_build import known_capabilities
from detector.errors import ModelError
from detector.hardware.cuda_driver import Gpu, find_gpus, gpu_number

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


def gpu_for_frames(name: str, options: Mapping[str, Any], gpus: Sequence[Gpu]) -> int | None:
    """Return the number of the GPU in whose memory the named engine will take frames.

    None: it will take none. options: of the engine, as the user gives them
    """
    device = options.get("device", "auto")
    if not ENGINES[name].takes_frames or device == "cpu" or not options.get("device_frames", True):
        return None
    number = 0 if device == "auto" else gpu_number(device)
    return number if number in {gpu.number for gpu in gpus} else None
