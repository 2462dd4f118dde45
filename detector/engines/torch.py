"""Torch: our own weights, run without a compiler.

On a GPU it has CUDA graphs and half precision, and is used where there is no TensorRT.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol

import torch

from detector.cache import CacheKey
from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.engines.torch_graph import ContractGraph
from detector.engines.torch_slot import CpuSlot, CudaSlot
from detector.errors import FramelaneError, ModelError
from detector.hardware.cpu import computes_bf16, cpu_name
from detector.hardware.cuda_driver import gpu_number
from detector.kernels.device_frame import DeviceFrame
from detector.letterbox import PAD_VALUE, Letterbox
from detector.manifest import Manifest, sha256_of
from detector.weights.checkpoint import WeightsInfo
from detector.weights.torch_networks import load_weights
from detector.yolov7.network import deploy

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
MAX_BATCH, TOP_K = 8, 512  # for weights without a manifest: the defaults of the export
SLOTS = 3  # one uploads, one computes, one downloads


class TorchSlot(Protocol):
    """One batch in flight: see torch_slot."""

    def start(self, images: UInt8Array) -> None: ...

    def start_frames(
        self, frames: Sequence[DeviceFrame], letterboxes: Sequence[Letterbox]
    ) -> None: ...

    def finish(self) -> Candidates: ...

    def wait(self) -> None: ...


class TorchEngine:
    """A network with its weights on one device; see Engine.

    precision: that it computes in up to the logits of the head: fp32, bf16 or fp16
    key: None for weights without an exported model, because they have no reference
    gpu: its number, if the device is a GPU
    """

    def __init__(
        self,
        manifest: Manifest,
        slots: list[TorchSlot],
        *,
        precision: str,
        key: CacheKey | None = None,
        gpu: int | None = None,
    ) -> None:
        self.manifest = manifest
        self.key = key
        self.slots = len(slots)
        self.precision = precision
        self.gpu = gpu
        self._slots = slots
        self._free: SimpleQueue[TorchSlot] = SimpleQueue()
        for slot in slots:
            self._free.put(slot)

    def submit(self, images: UInt8Array) -> TorchPending:
        """Start on a batch; the images are copied. Raises ModelError for another shape or type."""
        assert self._slots, "the engine is closed"
        self.manifest.check_images(images)
        return self._submit(lambda slot: slot.start(images))

    def submit_frames(
        self, frames: Sequence[DeviceFrame], letterboxes: Sequence[Letterbox]
    ) -> TorchPending:
        """Start on frames in the memory of the engine's GPU; see FrameEngine."""
        assert self._slots, "the engine is closed"
        return self._submit(lambda slot: slot.start_frames(frames, letterboxes))

    def _submit(self, start: Callable[[TorchSlot], None]) -> TorchPending:
        slot = self._free.get()
        try:
            start(slot)
        except RuntimeError as error:
            self._free.put(slot)
            raise FramelaneError(f"torch could not start on a batch: {_reason(error)}") from error
        return TorchPending(slot, self._free)

    def close(self) -> None:
        """Release the weights, after both threads have ended. Waits for batches in flight."""
        for slot in self._slots:
            slot.wait()
        self._slots = []
        self._free = SimpleQueue()


class TorchPending:
    """A batch in flight; see Pending."""

    def __init__(self, slot: TorchSlot, free: SimpleQueue[TorchSlot]) -> None:
        self._slot: TorchSlot | None = slot
        self._free = free

    def result(self) -> Candidates:
        """Wait, copy out, free the slot, also after a failure. May be called once."""
        slot, self._slot = self._slot, None
        assert slot is not None, "the result was taken, and its slot may be in use again"
        try:
            return slot.finish()
        except RuntimeError as error:
            raise FramelaneError(f"torch failed on a batch: {_reason(error)}") from error
        finally:
            self._free.put(slot)


def open_engine(
    model: Path,
    *,
    slots: int = SLOTS,
    device: str = "auto",
    precision: str = "auto",
) -> TorchEngine:
    """Return the engine of a .safetensors file, or of an .onnx with its .safetensors beside it.

    slots: batches in flight
    device: cpu, cuda, cuda:1; auto: the first GPU if there is one, else the CPU
    precision: fp32, bf16, fp16; auto: fp16 on a GPU, bf16 on a CPU that computes in it, else fp32
    Raises ModelError if the files, the machine or an option cannot be used.
    """
    if slots < 1:
        raise ModelError(f"slots is {slots}, must be 1 or more")
    where = _device(device)
    chosen = _precision(precision, where)
    graph, manifest = _load(model)
    _convert(graph, PRECISIONS[chosen])
    try:
        made = _make_slots(graph, manifest, where, slots, tf32=chosen != "fp32")
    except RuntimeError as error:
        raise ModelError(f"torch cannot use '{model}' on {where}: {_reason(error)}") from error
    key = None if model.suffix == ".safetensors" else _key(manifest, where, chosen)
    return TorchEngine(manifest, made, precision=chosen, key=key, gpu=where.index)


def _make_slots(
    graph: ContractGraph, manifest: Manifest, device: torch.device, count: int, *, tf32: bool
) -> list[TorchSlot]:
    graph = graph.eval().to(device)
    graph.logits.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if device.type == "cpu":
        return [CpuSlot(graph) for _ in range(count)]
    return [CudaSlot(graph, manifest, device, tf32=tf32) for _ in range(count)]


def _key(manifest: Manifest, device: torch.device, precision: str) -> CacheKey:
    """Return everything that the engine's results depend on."""
    name = cpu_name() if device.type == "cpu" else torch.cuda.get_device_name(device)
    height, width = manifest.input_size
    return CacheKey(
        model_sha256=manifest.onnx_sha256,
        runtime="torch",
        version=torch.__version__,
        device=name,
        precision=precision,
        shapes=f"1-{manifest.max_batch} x {height} x {width} x 3",
    )


def _convert(graph: ContractGraph, kind: torch.dtype) -> None:
    """Make the network compute in another type; its input and its logits stay float32."""
    logits = graph.logits.to(kind)
    logits.register_forward_pre_hook(lambda _, inputs: (inputs[0].to(kind),))
    logits.register_forward_hook(lambda _, inputs, rows: [part.float() for part in rows])


def _device(device: str) -> torch.device:
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device.lower() == "cpu":
        return torch.device("cpu")
    number = gpu_number(device)
    if not torch.cuda.is_available() or number >= torch.cuda.device_count():
        have = f"{torch.cuda.device_count()} GPUs" if torch.version.cuda else "built without CUDA"
        raise ModelError(
            f"no device '{device}' for torch {torch.__version__} ({have}): choose cpu, or see "
            "`framelane doctor`"
        )
    return torch.device("cuda", number)


def _precision(precision: str, device: torch.device) -> str:
    if precision == "auto":
        return "fp16" if device.type == "cuda" else "bf16" if computes_bf16() else "fp32"
    if precision not in PRECISIONS:
        raise ModelError(
            f"unknown precision '{precision}': choose one of auto, {', '.join(PRECISIONS)}"
        )
    if precision == "fp16" and device.type == "cpu":
        raise ModelError("a CPU computes in fp16 slower than in fp32: choose auto, fp32 or bf16")
    return precision


def _load(model: Path) -> tuple[ContractGraph, Manifest]:
    if model.suffix == ".safetensors":
        network, info = load_weights(model)
        graph = ContractGraph(deploy(network), info.size, TOP_K)
        return graph, _manifest(graph, info, model)
    manifest = Manifest.beside(model)
    weights = model.with_suffix(".safetensors")
    if not weights.is_file() or sha256_of(weights) != manifest.weights_sha256:
        raise ModelError(
            f"the torch engine needs the weights that '{model}' was exported from, in "
            f"'{weights.name}' beside it: put them there, or choose another engine"
        )
    network, _ = load_weights(weights)
    return ContractGraph(deploy(network), manifest.input_size, manifest.top_k), manifest


def _manifest(graph: ContractGraph, info: WeightsInfo, weights: Path) -> Manifest:
    """Return the manifest that these weights would have when exported."""
    return Manifest(
        classes=info.class_names,
        input_size=info.size,
        strides=graph.network.strides,
        precision="fp32",
        max_batch=MAX_BATCH,
        dynamic_batch=True,
        top_k=graph.top_k,
        pad_value=PAD_VALUE,
        onnx_sha256="0" * 64,  # there is no ONNX file
        weights_sha256=sha256_of(weights),
    )


def _reason(error: RuntimeError) -> str:
    return str(error).strip().splitlines()[0]
