"""A TensorRT plan, loaded onto a GPU and checked against the contract of our models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from detector.atomic_write import replacing
from detector.engines.tensorrt_api import TensorRt, refusal
from detector.errors import FramelaneError, ModelError
from detector.manifest import Manifest

TENSORS = {"images": "UINT8", "boxes": "FLOAT", "scores": "FLOAT"}  # name -> TensorRT's type


class LoadedPlan:
    """A plan on the GPU whose context is current; see Executable in tensorrt_slot.

    TensorRT-RTX compiles the plan for this GPU and driver when it is loaded, which takes seconds.
    The result is cached in a file beside the plan.
    Raises FramelaneError for a plan of another version or for another GPU, ModelError for one whose
    inputs and outputs are not those of the manifest.
    """

    def __init__(self, tensorrt: TensorRt, path: Path, manifest: Manifest) -> None:
        self._log = tensorrt.log()
        self._log.forget()
        self._runtime = tensorrt.module.Runtime(self._log)
        self._engine = self._runtime.deserialize_cuda_engine(path.read_bytes())
        if self._engine is None:
            raise self.refusal(f"cannot load '{path}'")
        self._check(tensorrt.module, manifest)
        self.scratch_bytes = int(self._engine.device_memory_size_v2)
        strategy = tensorrt.module.ExecutionContextAllocationStrategy.USER_MANAGED
        self._options: Any = strategy
        self._cache: Any = None
        self._compiled = path.with_suffix(".compiled")
        if tensorrt.is_rtx:
            self._use_compiled(tensorrt.module)

    def context(self) -> Any:
        """Return a new execution context; the caller provides its memory."""
        context = self._engine.create_execution_context(self._options)
        if context is None:
            raise self.refusal("cannot make a context for the engine")
        return context

    def refusal(self, what: str) -> FramelaneError:
        """Return the error for a failed call, with the reason that TensorRT gave."""
        return refusal(self._log, what, FramelaneError)

    def warmed_up(self) -> None:
        """Write the compiled kernels to the cache file, if they have changed."""
        if self._cache is None:
            return
        compiled = bytes(self._cache.serialize())
        if self._compiled.is_file() and self._compiled.read_bytes() == compiled:
            return
        with replacing(self._compiled) as written:
            written.write_bytes(compiled)

    def close(self) -> None:
        """Drop all references: TensorRT frees the plan after the last one, contexts included."""
        self._options = self._cache = self._engine = self._runtime = None

    def _check(self, trt: Any, manifest: Manifest) -> None:
        shapes = {
            "images": (*manifest.input_size, 3),
            "boxes": (manifest.top_k, 4),
            "scores": (manifest.top_k, len(manifest.classes)),
        }
        names = {self._engine.get_tensor_name(i) for i in range(self._engine.num_io_tensors)}
        found = {
            name: (tuple(self._engine.get_tensor_shape(name))[1:], self._kind(name))
            for name in names
        }
        expected = {name: (shapes[name], getattr(trt.DataType, TENSORS[name])) for name in TENSORS}
        if found != expected:
            raise ModelError(
                f"the engine has {_described(found)}, but its manifest promises "
                f"{_described(expected)}: build it again"
            )

    def _kind(self, name: str) -> Any:
        return self._engine.get_tensor_dtype(name)

    def _use_compiled(self, trt: Any) -> None:
        options = self._engine.create_runtime_config()
        options.set_execution_context_allocation_strategy(self._options)
        # Eager: kernels compiled later, during the first batches, would not enter the CUDA graph
        specialised = trt.DynamicShapesKernelSpecializationStrategy.EAGER
        options.dynamic_shapes_kernel_specialization_strategy = specialised
        self._cache = options.create_runtime_cache()
        if self._compiled.is_file():
            # For another GPU or driver TensorRT ignores it
            self._cache.deserialize(self._compiled.read_bytes())
        options.set_runtime_cache(self._cache)
        self._options = options


def _described(tensors: dict[str, tuple[tuple[int, ...], Any]]) -> str:
    return ", ".join(
        f"{name} {kind.name.lower()} (n, {', '.join(map(str, shape))})"
        for name, (shape, kind) in sorted(tensors.items())
    )
