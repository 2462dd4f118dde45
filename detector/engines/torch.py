"""Torch: our own weights without a compiler between. The reference for every other engine.

On a GPU it has CUDA graphs and half precision, and stands in where there is no TensorRT.
"""

from __future__ import annotations

from pathlib import Path
from queue import SimpleQueue
from typing import Protocol

import torch

from detector.cache import EngineKey
from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.engines.torch_slot import CpuSlot, CudaSlot
from detector.errors import FramelaneError, ModelError
from detector.export.exported_graph import ContractGraph
from detector.hardware.cpu import computes_bf16, cpu_name
from detector.hardware.cuda_driver import gpu_number
from detector.letterbox import PAD_VALUE
from detector.manifest import Manifest, sha256_of
from detector.weights.checkpoint import WeightsInfo, load_weights
from detector.yolov7.network import deploy

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
MAX_BATCH, TOP_K = 8, 512  # of weights without a model: as they are exported
SLOTS = 3  # one uploads, one computes, one downloads


class TorchSlot(Protocol):
    """Room for one batch in flight: see torch_slot."""

    def start(self, images: UInt8Array) -> None: ...

    def finish(self) -> Candidates: ...

    def wait(self) -> None: ...


class TorchEngine:
    """A network with its weights on one device; see Engine.

    precision: what it computes in up to the logits of the head, fp32, bf16 or fp16
    key: None for weights without a model, which there is nothing to hold against
    """

    def __init__(
        self,
        manifest: Manifest,
        held: list[TorchSlot],
        *,
        precision: str,
        key: EngineKey | None = None,
    ) -> None:
        self.manifest = manifest
        self.key = key
        self.slots = len(held)
        self.precision = precision
        self._slots = held
        self._free: SimpleQueue[TorchSlot] = SimpleQueue()
        for slot in held:
            self._free.put(slot)

    def submit(self, images: UInt8Array) -> TorchPending:
        """Start on a batch; the images are copied. Raises ModelError for another shape or type."""
        assert self._slots, "the engine is closed"
        self.manifest.check_images(images)
        slot = self._free.get()
        try:
            slot.start(images)
        except RuntimeError as error:
            self._free.put(slot)
            raise FramelaneError(f"torch could not start on a batch: {_reason(error)}") from error
        return TorchPending(slot, self._free)

    def close(self) -> None:
        """Release the weights, after both threads have ended. Waits for what is in flight."""
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
        """Wait, copy out, free the slot, also after a failure. To be called once."""
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
    device: cpu, cuda, cuda:1, or auto, which is the first GPU if there is one
    precision: fp32, bf16, fp16, or auto: fp16 on a GPU, bf16 on a CPU that computes in it, or fp32
    Raises ModelError if the files, the machine or an option cannot be used.
    """
    if slots < 1:
        raise ModelError(f"slots is {slots}, must be 1 or more")
    where = _device(device)
    computed_in = _precision(precision, where)
    graph, manifest = _load(model)
    _convert(graph, PRECISIONS[computed_in])
    try:
        held = _make_slots(graph, manifest, where, slots, tf32=computed_in != "fp32")
    except RuntimeError as error:
        raise ModelError(f"torch cannot use '{model}' on {where}: {_reason(error)}") from error
    key = None if model.suffix == ".safetensors" else _key(manifest, where, computed_in)
    return TorchEngine(manifest, held, precision=computed_in, key=key)


def _make_slots(
    graph: ContractGraph, manifest: Manifest, device: torch.device, count: int, *, tf32: bool
) -> list[TorchSlot]:
    graph = graph.eval().to(device)
    graph.logits.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if device.type == "cpu":
        return [CpuSlot(graph) for _ in range(count)]
    return [CudaSlot(graph, manifest, device, tf32=tf32) for _ in range(count)]


def _key(manifest: Manifest, device: torch.device, precision: str) -> EngineKey:
    """Return all that what the engine finds depends on."""
    name = cpu_name() if device.type == "cpu" else torch.cuda.get_device_name(device)
    height, width = manifest.input_size
    return EngineKey(
        model_sha256=manifest.onnx_sha256,
        runtime="torch",
        version=torch.__version__,
        device=name,
        precision=precision,
        shapes=f"1-{manifest.max_batch} x {height} x {width} x 3",
    )


def _convert(graph: ContractGraph, kind: torch.dtype) -> None:
    """Let the network compute in another type; pictures and logits are float32 outside it."""
    logits = graph.logits.to(kind)
    logits.register_forward_pre_hook(lambda _, given: (given[0].to(kind),))
    logits.register_forward_hook(lambda _, given, rows: [part.float() for part in rows])


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
            "`python -m detector doctor`"
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
            f"the torch engine needs the weights that '{model}' was made from, as '{weights.name}' "
            "beside it: put them there, or choose another engine"
        )
    network, _ = load_weights(weights)
    return ContractGraph(deploy(network), manifest.input_size, manifest.top_k), manifest


def _manifest(graph: ContractGraph, info: WeightsInfo, weights: Path) -> Manifest:
    """Return the manifest that the weights would have as a model."""
    return Manifest(
        classes=info.class_names,
        input_size=info.size,
        strides=graph.network.strides,
        precision="fp32",
        max_batch=MAX_BATCH,
        dynamic_batch=True,
        top_k=graph.top_k,
        pad_value=PAD_VALUE,
        onnx_sha256="0" * 64,  # there is none
        weights_sha256=sha256_of(weights),
    )


def _reason(error: RuntimeError) -> str:
    return str(error).strip().splitlines()[0]
