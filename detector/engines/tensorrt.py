"""TensorRT: the engine for NVIDIA GPUs. A slot is a stream and the memory of a batch on it.

It works with TensorRT 10 and 11, and TensorRT-RTX. Its parts: tensorrt_api (find the library),
tensorrt_build (model to plan), tensorrt_plan (plan to GPU), tensorrt_cuda (pycuda), tensorrt_slot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from queue import SimpleQueue
from shutil import which
from traceback import clear_frames
from typing import Protocol

from detector.cache import CachedFile, CacheKey, cached_file
from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.engines.tensorrt_api import TensorRt, load_tensorrt
from detector.engines.tensorrt_build import build_plan, known_capabilities
from detector.engines.tensorrt_cuda import Closable, Cuda, open_cuda
from detector.engines.tensorrt_plan import LoadedPlan
from detector.engines.tensorrt_slot import Executable, Slot
from detector.errors import FramelaneError, ModelError
from detector.export.precisions import find_int8, half_model, need_int8
from detector.hardware.cuda_driver import Gpu
from detector.kernels.device_frame import DeviceFrame
from detector.letterbox import Letterbox
from detector.manifest import PRECISIONS, Manifest
from detector.progress import ProgressCallback

SLOTS = 3  # one uploads, one computes, one downloads


class Loaded(Executable, Closable, Protocol):
    """A plan on a GPU."""

    def warmed_up(self) -> None:
        """Called once after every slot has run."""


class TensorRtEngine:
    """A plan on a GPU, with its slots; see Engine.

    key: of the plan
    device_frames: whether `submit_frames` may be called, for which a kernel is compiled
    load: called once with the GPU's context current; returns the plan
    The engine owns the plan and the GPU: if the constructor fails, both are released.
    """

    def __init__(
        self,
        manifest: Manifest,
        cuda: Cuda,
        load: Callable[[], Loaded],
        *,
        key: CacheKey | None = None,
        slots: int = SLOTS,
        graphs: bool = True,
        device_frames: bool = False,
    ) -> None:
        self.manifest = manifest
        self.precision = manifest.precision
        self.key = key
        self.gpu = cuda.gpu.number if device_frames else None
        self.slots = slots
        self._closed = False
        self._cuda = cuda
        self._in_flight: dict[Slot, TensorRtPending] = {}
        self._free: SimpleQueue[Slot] = SimpleQueue()
        with ExitStack() as acquired:  # on failure, release what was acquired
            acquired.callback(cuda.close)
            with cuda.activated():
                try:
                    self._make(load, acquired, graphs=graphs, device_frames=device_frames)
                except BaseException as error:
                    forget_locals(error)
                    raise
            self._acquired = acquired.pop_all()

    def submit(self, images: UInt8Array) -> TensorRtPending:
        """Start on a batch; the images are copied. Raises ModelError for another shape or type."""
        assert not self._closed, "the engine is closed"
        self.manifest.check_images(images)
        return self._submit(lambda slot: slot.start(images))

    def submit_frames(
        self, frames: Sequence[DeviceFrame], letterboxes: Sequence[Letterbox]
    ) -> TensorRtPending:
        """Start on frames in the memory of this GPU; see FrameEngine.

        The engine must be open with `device_frames`.
        """
        assert not self._closed, "the engine is closed"
        assert 0 < len(frames) <= self.manifest.max_batch, len(frames)
        return self._submit(lambda slot: slot.start_frames(frames, letterboxes))

    def close(self) -> None:
        """Release the GPU, after both threads have ended. Waits for batches in flight."""
        for pending in list(self._in_flight.values()):
            pending.settle()  # its result can still be taken
        self._closed = True
        self._acquired.close()

    def _submit(self, start: Callable[[Slot], None]) -> TensorRtPending:
        slot = self._free.get()
        try:
            with self._cuda.activated():
                start(slot)
        except BaseException:
            self._free.put(slot)
            raise
        pending = TensorRtPending(self._cuda, slot, self._put_back)
        self._in_flight[slot] = pending
        return pending

    def _make(
        self,
        load: Callable[[], Loaded],
        acquired: ExitStack,
        *,
        graphs: bool,
        device_frames: bool,
    ) -> None:
        kernel = self._cuda.kernel() if device_frames else None
        if kernel is not None:
            acquired.callback(self._release, kernel)
        plan = load()
        acquired.callback(self._release, plan)
        for _ in range(self.slots):
            slot = Slot(self._cuda, plan, self.manifest, graphs=graphs, kernel=kernel)
            acquired.callback(self._release, slot)
            self._free.put(slot)
        plan.warmed_up()

    def _put_back(self, slot: Slot) -> None:
        del self._in_flight[slot]
        self._free.put(slot)

    def _release(self, held: Closable) -> None:
        with self._cuda.activated():
            held.close()


class TensorRtPending:
    """A batch in flight; see Pending."""

    def __init__(self, cuda: Cuda, slot: Slot, put_back: Callable[[Slot], None]) -> None:
        self._cuda, self._slot, self._put_back = cuda, slot, put_back
        self._outcome: Candidates | FramelaneError | None = None
        self._taken = False

    def result(self) -> Candidates:
        """Wait, copy out, free the slot, also after a failure. May be called once."""
        assert not self._taken, "the result was taken, and its slot may be in use again"
        self._taken = True
        self.settle()
        assert self._outcome is not None
        if isinstance(self._outcome, FramelaneError):
            raise self._outcome
        return self._outcome

    def settle(self) -> None:
        """Wait, copy out and free the slot, unless that is done."""
        if self._outcome is not None:
            return
        try:
            with self._cuda.activated():
                self._outcome = self._slot.finish()
        except FramelaneError as error:
            self._outcome = error
        finally:
            self._put_back(self._slot)


def forget_locals(error: BaseException | None) -> None:
    """Clear the traceback's locals: TensorRT objects must not outlive their CUDA context."""
    while error is not None:
        clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def open_engine(
    model: Path,
    *,
    slots: int = SLOTS,
    device: str = "cuda",
    precision: str = "auto",
    batch: int = 1,
    graphs: bool = True,
    device_frames: bool = True,
) -> TensorRtEngine:
    """Return the engine of a model with its manifest beside it; the plan is built if not cached.

    slots: batches in flight
    device: cuda, or cuda:1 for the second GPU
    precision: fp32, fp16 or int8; auto: int8 if there is an INT8 model for TensorRT beside it,
        else fp16. A model that is not in fp32 keeps its precision
    batch: batch size to optimise for, if the model's batch is dynamic
    graphs: whether each slot uses CUDA graphs
    device_frames: whether frames in GPU memory are taken; without nvcc they are not
    Raises ModelError if the model, the machine or an option cannot be used.
    """
    if slots < 1:
        raise ModelError(f"slots is {slots}, must be 1 or more")
    tensorrt = load_tensorrt()
    with ExitStack() as acquired:
        cuda = open_cuda(device)
        acquired.callback(cuda.close)
        file, manifest = choose_file(model, precision)
        key = plan_key(manifest, tensorrt, cuda.gpu, batch)
        built = build(file, manifest, tensorrt, cuda, key, batch=batch)
        acquired.pop_all()
    return TensorRtEngine(
        manifest,
        cuda,
        lambda: LoadedPlan(tensorrt, built.path, manifest),
        key=key,
        slots=slots,
        graphs=graphs,
        device_frames=device_frames and which("nvcc") is not None,
    )


def prepare(
    model: Path,
    progress: ProgressCallback,
    *,
    device: str = "cuda",
    precision: str = "auto",
    batch: int = 1,
) -> None:
    """Build the plan for `open_engine` if it is not in the cache; options as there."""
    tensorrt = load_tensorrt()
    with closing(open_cuda(device)) as cuda:
        file, manifest = choose_file(model, precision)
        key = plan_key(manifest, tensorrt, cuda.gpu, batch)
        build(file, manifest, tensorrt, cuda, key, batch=batch, progress=progress)


def choose_file(model: Path, precision: str) -> tuple[Path, Manifest]:
    """Return the ONNX file with this precision, and its manifest; see open_engine."""
    if precision not in ("auto", *PRECISIONS):
        raise ModelError(
            f"unknown precision '{precision}': choose one of auto, {', '.join(PRECISIONS)}"
        )
    manifest = Manifest.beside(model)
    manifest.verify(model)
    if manifest.precision != "fp32" and precision not in ("auto", manifest.precision):
        raise ModelError(
            f"'{model}' is a model in {manifest.precision}: leave precision out, not {precision}"
        )
    if manifest.precision != "fp32" or precision == "fp32":
        return model, manifest
    if precision == "int8":
        need_int8(model, "tensorrt")
    if precision != "fp16" and (quantised := find_int8(model, "tensorrt")) is not None:
        return quantised, Manifest.beside(quantised)
    try:
        return half_model(model, manifest)
    except ModuleNotFoundError as error:
        raise ModelError(
            f"half precision of '{model}' needs onnx ({error}): install it, export the model with "
            "--precision fp16 on a machine that has it, or choose precision fp32"
        ) from error


def plan_key(manifest: Manifest, tensorrt: TensorRt, gpu: Gpu, batch: int) -> CacheKey:
    """Return everything that a plan depends on."""
    min_batch = 1 if manifest.dynamic_batch else manifest.max_batch
    height, width = manifest.input_size
    return CacheKey(
        model_sha256=manifest.onnx_sha256,
        runtime=tensorrt.name,
        version=tensorrt.version,
        device=f"{gpu.name}, compute capability {gpu.capability_name}",
        precision=manifest.precision,
        shapes=f"{min_batch}-{manifest.max_batch} x {height} x {width} x 3",
        flags={"batch": batch},
    )


def build(
    file: Path,
    manifest: Manifest,
    tensorrt: TensorRt,
    cuda: Cuda,
    key: CacheKey,
    *,
    batch: int = 1,
    progress: ProgressCallback | None = None,
) -> CachedFile:
    """Return the plan of an ONNX file for a GPU, from the cache or built now and cached.

    batch: batch size to optimise for; progress: see build_plan
    Raises ModelError for a model or an option that cannot be used.
    """
    wanted = cuda.gpu.capability_name
    capabilities = (wanted,) if wanted in known_capabilities(tensorrt) else ()

    def write(path: Path) -> dict[str, list[str]]:
        with cuda.activated():  # TensorRT measures its kernels on the GPU
            plan = build_plan(
                file,
                manifest,
                tensorrt,
                batch=batch,
                capabilities=capabilities,
                progress=progress,
            )
        path.write_bytes(plan.content)
        return {"warnings": list(plan.warnings)}

    return cached_file(key, write)
